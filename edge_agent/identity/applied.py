"""The configuration with what the identity brings: broker, hub and command keys."""

from edge_agent.config.broker import Broker
from edge_agent.config.model import CommandKey, Hub, NodeConfig
from edge_agent.config.section import Secret
from edge_agent.identity.folder import Identity


def applied(config: NodeConfig, identity: Identity | None) -> NodeConfig:
    """As the agent works with it. What node.yaml itself says goes first: somebody wrote it there on purpose."""
    if identity is None:
        return config
    grant = identity.grant
    changes: dict[str, object] = {"broker": _broker(config, identity)}
    if not config.command_keys:
        changes["command_keys"] = tuple(CommandKey(id=key.id, public=key.public) for key in identity.command_keys.keys)
    if config.hub is None and grant.hub is not None:
        changes["hub"] = Hub(url=grant.hub.url, token=Secret(file=identity.hub_token), ca=identity.ca)
    return config.model_copy(update=changes)


def _broker(config: NodeConfig, identity: Identity) -> Broker:
    own = {"certificate": identity.certificate, "key": identity.key}
    named = config.broker
    if named is None:
        return Broker(url=identity.grant.broker, username=identity.grant.name, ca=identity.ca, **own)
    if named.parts()[0] and named.certificate is None and named.password is None:
        return named.model_copy(update={"ca": named.ca or identity.ca, **own})
    return named
