"""What people and programs do with the map of a commune: which they may see, which nodes stand on it, its picture."""

from collections.abc import Mapping as Named

from hub.forms import FormError
from hub.node import Node
from hub.nodes.drawing import NotOnePlane, Pin, fit
from hub.nodes.grounds import PINS, Ground, Grounds, converted
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.rights import Place, Right
from hub.shown import Shown

MOST = 400
"""Nodes on a map; of more, the list tells."""


class Mapping:
    """For the acting person. Whether they may change a picture is looked at before."""

    def __init__(self, shown: Shown, grounds: Grounds, audit: Audit, names: Named[str, str]) -> None:
        """`names`: of communes, by code, where the hub serves several."""
        self._shown = shown
        self._grounds = grounds
        self._audit = audit
        self._names = names

    def communes(self) -> list[str]:
        """Those that have a map for whom asks."""
        who, known = person(), self._shown.registry.standings.in_place
        communes = [place for place in known if place and "/" not in place]
        if not who.may_everywhere(Right.SEE):
            communes = [c for c in communes if any(p.commune in ("", c) for p in who.places(Right.SEE))]
        return sorted(communes)

    def called(self, commune: str) -> str:
        """A commune as people call it; its code where the configuration does not say."""
        alone = len(self._shown.areas.communes()) <= 1
        return self._names.get(commune) or (self._shown.name if alone else "") or commune

    def nodes(self, commune: str) -> list[Node]:
        """Those of a commune that may be seen, by address, `MOST` of them."""
        inside = self._shown.areas.inside(Place(commune)) if commune else []
        may = [node for node in inside if person().may(Right.SEE, self._shown.areas.place(node))]
        return sorted(may, key=lambda node: node.address)[:MOST]

    async def ground(self, commune: str) -> Ground | None:
        """What is known of its picture. Raises SQLAlchemyError."""
        return await self._grounds.get(commune) if commune else None

    async def picture(self, commune: str) -> bytes | None:
        """The JPEG, of a commune that may be seen. Raises SQLAlchemyError."""
        return await self._grounds.picture(commune) if commune in self.communes() else None

    async def put(self, commune: str, picture: bytes) -> None:
        """Lay another picture below it. Raises NoPicture, OSError, SQLAlchemyError, StoreFull."""
        await self._grounds.put(commune, await converted(picture), self._shown.clock.now())
        self._audit.note("map.picture", commune)

    async def remove(self, commune: str) -> None:
        """Draw a sketch again. Raises SQLAlchemyError, StoreFull."""
        await self._grounds.remove(commune)
        self._audit.note("map.remove", commune)

    async def unpin(self, commune: str) -> None:
        """Show its points anew. Raises SQLAlchemyError, StoreFull."""
        await self._grounds.pin(commune, ())
        self._audit.note("map.unpin", commune)

    async def pin(self, commune: str, pin: Pin) -> None:
        """Show one more point. Raises FormError, SQLAlchemyError, StoreFull."""
        ground = await self._grounds.get(commune)
        if ground is None or len(ground.pins) >= PINS:
            raise FormError("form.bad")
        await self._pinned(commune, ground, (*ground.pins, pin))

    async def pins(self, commune: str, pins: tuple[Pin, ...]) -> None:
        """Show all points at once. Raises FormError, SQLAlchemyError, StoreFull."""
        ground = await self._grounds.get(commune)
        if ground is None or len(pins) > PINS:
            raise FormError("node.map_no_picture" if ground is None else "form.bad")
        await self._pinned(commune, ground, pins)

    def position(self, address: str) -> tuple[float, float] | None:
        """Latitude and longitude that a node says of itself."""
        node = self._shown.registry.nodes.get(address)
        at = node.about.position if node and node.about else None
        return (at.latitude, at.longitude) if at else None

    async def _pinned(self, commune: str, ground: Ground, pins: tuple[Pin, ...]) -> None:
        if not all(_is_on(ground, pin) for pin in pins):
            raise FormError("node.map_no_place")
        if len(pins) == PINS:
            try:
                fit(pins)
            except NotOnePlane as error:
                raise FormError("node.map_line") from error
        await self._grounds.pin(commune, pins)
        self._audit.note("map.pin", commune)


def _is_on(ground: Ground, pin: Pin) -> bool:
    on_earth = -90 <= pin.latitude <= 90 and -180 <= pin.longitude <= 180
    return 0 <= pin.x <= ground.width and 0 <= pin.y <= ground.height and on_earth
