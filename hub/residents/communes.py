"""Which commune somebody's page is about, where a hub has several: by a pole's code, by choice, by the host's name."""

import re

from starlette.requests import Request
from starlette.responses import Response

from edge_agent.contract.sentences import Language
from hub.language import translator
from hub.people.areas import Areas
from hub.people.rights import Place
from hub.residents.places import Places
from hub.residents.settings import Residents

COOKIE = "xa"
CHOICE = "o"
"""The parameter of an address that chooses; empty: to choose anew."""
YEAR_S = 365 * 86_400
_CODE = re.compile(r"[0-9a-z-]{1,40}")
MOST_AREAS = 6


class Communes:
    """Finds it; `""` stands for all there is."""

    def __init__(self, areas: Areas, places: Places, settings: Residents) -> None:
        self._areas = areas
        self._places = places
        self._known = settings.communes
        self._hosts = {host.lower(): code for code, known in settings.communes.items() for host in known.hosts}

    def all(self) -> list[str]:
        """The codes of those that have nodes, by name."""
        return sorted(self._areas.communes(), key=lambda code: (self.name(code, "vi").casefold(), code))

    def name(self, code: str, language: Language) -> str:
        """What people call it."""
        known = self._known.get(code)
        return known.name if known else translator(language)("residents.commune", code=code)

    def areas(self, code: str) -> str:
        """The areas of it, a few, for who knows those better than its name."""
        names = [area.name for area in self._areas.all() if area.place.commune == code]
        return ", ".join(names[:MOST_AREAS]) + ("…" if len(names) > MOST_AREAS else "")

    def chosen(self, request: Request, pole: Place | None = None) -> str | None:
        """Which one; `""` where there is one only; None where somebody has to choose."""
        there = self._areas.communes()
        if len(there) <= 1:
            return ""
        if pole is not None:
            return pole.commune
        wanted = request.query_params.get(CHOICE)
        if wanted is None:
            host = self._hosts.get((request.url.hostname or "").lower(), "")
            wanted = host if host in there else request.cookies.get(COOKIE, "")
        return wanted if wanted in there else None

    def remember(self, request: Request, answer: Response) -> Response:
        """Keep in the browser what was chosen by this address. It says nothing of who chose."""
        wanted = request.query_params.get(CHOICE)
        if wanted == "":
            answer.delete_cookie(COOKIE, path="/xa")
        elif wanted and _CODE.fullmatch(wanted) and wanted in self._areas.communes():
            answer.set_cookie(COOKIE, wanted, max_age=YEAR_S, path="/xa", samesite="lax", httponly=True)
        return answer
