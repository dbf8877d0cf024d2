"""The agent's half of an update: looks what is offered, fetches it, and leaves word for the installer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_agent.contract.errors import Refusal
from edge_agent.update.bundle import Bundle, Here, choose
from edge_agent.update.download import Download
from edge_agent.update.places import Places, board_model, machine, python_minor
from edge_agent.update.remote import Remote
from edge_agent.update.room import disk_refusal
from edge_agent.update.wish import wish
from edge_agent.version import VERSION


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one hub for one node."""

    places: Places
    inbox: Path
    remote: Remote
    clock_trusted: bool = True
    here: Here | None = None

    def look(self, version: str | None = None) -> Bundle:
        """What is offered for this node: the newest, or a version by name.

        Raises Refusal `update.clock`, `update.none`, `update.unknown_version` and all of `trust.offered`.
        """
        from edge_agent.update.trust import FromHub, offered

        if not self.clock_trusted:  # with a clock in 1970 nothing ever expires
            raise Refusal("update.clock")
        try:
            self.inbox.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise disk_refusal(error) from error
        bundles = offered(FromHub(self.remote, self.inbox), self.inbox / "metadata", self.places.pinned())
        return choose(bundles, self.here or here(self.places), version)

    def fetch(self, bundle: Bundle, rate: float | None, told: Callable[[int], None] = lambda _: None) -> Path:
        """The archive on the disk; see Download.fetch. `rate`: bytes a second at most."""
        return Download(self.remote, self.inbox, rate, told=told).fetch(bundle)

    def hand_over(self, bundle: Bundle, by: str) -> None:
        """Leave word for the installer. Raises Refusal `update.disk`, `update.no_room`."""
        try:
            wish(self.inbox, bundle.custom.version, by)
        except OSError as error:
            raise disk_refusal(error) from error


def here(places: Places) -> Here:
    """What an archive must fit to on this computer."""
    return Here(VERSION, machine(), python_minor(), board_model(places.root))
