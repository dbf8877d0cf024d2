"""The node's own key, where it has been enrolled."""

from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Refusal
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.keystore import KeyStore


class NodeSigner:
    """Signs with the key of a certificate."""

    def __init__(self, certificate: str, key: KeyStore) -> None:
        self.certificate = certificate
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""
        return self._key.sign(message)


def signer_of(config: NodeConfig) -> NodeSigner | None:
    """None before the enrolment, and where whoever runs this may not read the key: the record then is unsigned."""
    section = config.identity
    if section is None:
        return None
    folder = IdentityFolder(section.folder)
    try:
        identity = folder.read()
        return NodeSigner(identity.grant.certificate, folder.key()) if identity is not None else None
    except (OSError, ValueError, Refusal):
        return None
