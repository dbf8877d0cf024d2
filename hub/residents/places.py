"""Names for areas and poles that may stand on paper and in addresses without telling how nodes are addressed."""

import base64
import hashlib
from functools import lru_cache

from hub.people.areas import Areas
from hub.people.rights import EVERYWHERE, Place

CODE = r"^[a-z2-7]{8}$"


@lru_cache(maxsize=65_536)
def code_of(text: str) -> str:
    """The name of a place as grants write it, or of anything else that is not to be shown: 8 letters and digits."""
    return base64.b32encode(hashlib.sha256(f"residents:{text}".encode()).digest())[:8].decode().lower()


class Places:
    """Finds places by their codes, and says what people call them."""

    def __init__(self, areas: Areas) -> None:
        self._areas = areas

    def home(self, commune: str = "") -> Place:
        """Where a report belongs that names no place: the commune, the one that was chosen or the only one."""
        if commune:
            return Place(commune)
        communes = self._areas.communes()
        return Place(next(iter(communes))) if len(communes) == 1 else EVERYWHERE

    def all(self, commune: str = "") -> list[tuple[str, str]]:
        """Code and name of each area, of one commune if it is named."""
        areas = (area for area in self._areas.all() if commune in ("", area.place.commune))
        return [(code_of(str(area.place)), area.name) for area in areas]

    def area(self, code: str) -> Place | None:
        """The area of this code."""
        return next((area.place for area in self._areas.all() if code_of(str(area.place)) == code), None)

    def pole(self, code: str) -> Place | None:
        """The node of this code, with the area in which it stands."""
        return next(
            (self._areas.place(node) for node in self._areas.inside(EVERYWHERE) if code_of(node.address) == code), None
        )

    def find(self, code: str) -> Place | None:
        """An area or a node."""
        return self.area(code) or self.pole(code)

    def name(self, place: Place) -> str:
        """What people call an area or a node; empty for a commune."""
        if place.is_wide:
            return ""
        node = next(iter(self._areas.inside(place)), None)
        if place.node:
            return node.title if node else place.node
        return str(node.about.zone) if node and node.about else place.area


def parse(text: str, areas: Areas) -> Place:
    """A place as it is kept; a node's with the area in which it stands now."""
    place = Place.parse(text)
    return areas.place_of(f"{place.commune}/{place.node}") if place.node else place


def kept(place: Place) -> str:
    """As it is kept: a node by its address."""
    return f"{place.commune}/{place.node}" if place.node else str(place)


def is_in(place: str, commune: str) -> bool:
    """Whether something of the commune `place` is for `commune`; either may be everywhere."""
    return not commune or place in ("", commune)
