"""Parts of the hub that its pages are made of, put together from its core."""

from urllib.parse import urlsplit

from edge_agent.contract.sentences import Language
from hub.cameras.live import LiveDesk
from hub.cameras.words import why_no_picture
from hub.core import Core
from hub.render import Shown
from hub.sentences import Speaker
from hub.views import node_zone


def shown_of(core: Core) -> Shown:
    """What pages look at."""
    config = core.config
    return Shown(
        registry=core.registry,
        ledger=core.ledger,
        media=core.media,
        link=core.link,
        notice=core.notice,
        clock=core.clock,
        zone=config.zone,
        name=config.name,
        broker=config.broker.url,
        authorities=config.authorities,
        areas=core.areas,
        strangers=core.strangers,
        hub_clock=core.hub_clock,
        backups=config.backups.folder if config.backups else None,
    )


def watching_of(core: Core) -> LiveDesk:
    """Where people watch cameras live."""

    def speaker(address: str, language: Language) -> Speaker:
        node = core.registry.nodes.get(address)
        return Speaker(language, node_zone(node, core.config.zone) if node else core.config.zone, core.clock.now())

    def why_out_of_reach(address: str) -> str:
        if not core.link.connected:
            return "camera.live_hub_away"
        return "" if core.registry.is_online(address) else "camera.live_node_away"

    return LiveDesk(
        core.commands,
        core.link,
        why_out_of_reach,
        speaker,
        lambda address, camera: why_no_picture(core.registry.nodes.get(address), camera),
        core.clock,
        core.config.limits.viewers,
    )


def names_of(core: Core) -> frozenset[str]:
    """The names under which browsers may ask for pages."""
    listen = core.config.listen
    mine = (*listen.names, listen.host, urlsplit(core.config.address).hostname or "")
    return frozenset(name.lower() for name in mine if name)
