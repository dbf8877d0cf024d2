"""What commands say of the node's certificate."""

from datetime import UTC, datetime
from pathlib import Path

from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Refusal
from edge_agent.identity.applied import applied
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.when import day, ends_soon
from edge_agent.words import explain, say


def with_identity(config: NodeConfig) -> NodeConfig:
    """The configuration with what the identity brings, as far as we may read it."""
    if config.identity is None:
        return config
    try:
        return applied(config, IdentityFolder(config.identity.folder).read())
    except (Refusal, OSError):  # told by the examination of the identity itself
        return config


def sentence(folder: Path) -> str:
    """One line: enrolled or not, and until when."""
    try:
        identity = IdentityFolder(folder).read()
    except PermissionError:
        return say("check.identity_unseen", folder=folder)
    except OSError as error:
        return say("check.identity_bad", text=error.strerror or error)
    except Refusal as refusal:
        return say("check.identity_bad", text=explain(refusal.fault))
    if identity is None:
        return say("check.identity_none", folder=folder)
    soon = ends_soon(identity.grant, datetime.now(UTC))
    return say("check.identity_soon" if soon else "check.identity_ok", until=day(identity.grant.not_after))
