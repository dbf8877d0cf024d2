"""Nodes that are gone for good are taken out of the lists, and can be brought back."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from hub.forgotten import Gone
from hub.forms import FormError
from hub.people.acting import by, person
from hub.people.audit import Audit
from hub.people.rights import Place, Right
from hub.sentences import Speaker
from hub.shown import Shown

NOTED = timedelta(days=7)
"""So long it is told of a node that it came back after it was forgotten."""


class Forgetting:
    """For the acting person; whether they may at that node is looked at before."""

    def __init__(self, shown: Shown, audit: Audit) -> None:
        self._shown = shown
        self._audit = audit
        self.on_forget: list[Callable[[str], Awaitable[object]]] = []
        """Awaited with the address of a node that was forgotten."""

    async def forget(self, address: str) -> None:
        """Out of everything until it comes back. Raises FormError, SQLAlchemyError, StoreFull."""
        node = self._shown.registry.nodes.get(address)
        if node is None:
            raise FormError("form.no_node")
        if not await self._shown.registry.forget(address, by()):
            raise FormError("forget.online")
        self._audit.note("node.forget", address, node.title)
        for told in self.on_forget:
            await told(address)

    async def remember(self, address: str) -> None:
        """Shown again. Raises FormError, SQLAlchemyError, StoreFull."""
        if not await self._shown.registry.remember(address):
            raise FormError("forget.not_hidden")
        self._audit.note("node.remember", address)

    def hidden(self) -> list[Gone]:
        """Those that whoever asks may bring back, the last one first."""
        return [gone for gone in self._shown.registry.forgotten.all() if person().may(Right.INSTALL, _place(gone))]


def came_back(shown: Shown, address: str, speak: Speaker) -> str:
    """That a node was forgotten and is back, as long as that is news; else nothing."""
    gone = shown.registry.forgotten.get(address)
    if gone is None or gone.back is None or shown.clock.now() - gone.back > NOTED:
        return ""
    return speak.t("forget.back", at=speak.moment(gone.at), by=gone.by, back=speak.moment(gone.back))


def _place(gone: Gone) -> Place:
    commune, _, name = gone.address.partition("/")
    return Place(commune, gone.area, name)
