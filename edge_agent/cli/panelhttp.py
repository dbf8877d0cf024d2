"""The fault panel as a page: a small server on the loopback address of this machine.

Whoever reaches it may break a simulated cabinet and nothing else.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import quote, urlencode

from drivers.simulated.faults import PanelError
from edge_agent.cli.panelboxes import Box, Unfit, look, work
from edge_agent.cli.panelpage import Shown, page, told, view
from edge_agent.contract.sentences import Language
from edge_agent.smallweb import HTML, SmallRequest, SmallServer, WebRefused
from edge_agent.words import language as spoken

_HOST = re.compile(r"(localhost|127\.0\.0\.1)(:[0-9]{1,5})?", re.IGNORECASE)
_FILES = ("/panel.css", "/panel.js")
_FRESH_S = 0.4
"""Several pages at once share one look at the cabinets."""


class PanelServer(SmallServer):
    """Serves the page until `shutdown`."""

    def __init__(self, boxes: Sequence[Box], title: str, port: int) -> None:
        """Bind to loopback; port 0 takes a free one. Raises OSError."""
        self.boxes, self.title = boxes, title
        self._looking, self._looked = threading.Lock(), float("-inf")
        self._shown: list[Shown] = []
        super().__init__(("127.0.0.1", port), _Request, secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def work(self, setting: str) -> None:
        """Break or mend; who looks next sees it. Raises Unfit, PanelError, OSError."""
        work(self.boxes, [setting])
        with self._looking:
            self._looked = float("-inf")

    def look(self) -> Sequence[Shown]:
        """What the cabinets show. Raises OSError."""
        with self._looking:
            if time.monotonic() - self._looked > _FRESH_S:
                self._shown = [look(box) for box in self.boxes]
                self._looked = time.monotonic()
            return self._shown


class _Request(SmallRequest):
    """One request."""

    server: PanelServer

    def knows_host(self, host: str) -> bool:
        return _HOST.fullmatch(host) is not None

    def worded(self, key: str, **params: object) -> str:
        return told(self._language(), key, **params)

    def get(self, path: str) -> None:
        """Answer with the page, its state as JSON, or one of its two files."""
        if path == "/":
            language, server = self._language(), self.server
            seen = view(language, server.boxes, server.look())
            self.send(200, HTML, page(language, server.title, server.token, server.boxes, seen, self.one("open")))
        elif path == "/state":
            self._state()
        elif path in _FILES:
            self.file("edge_agent.cli", path[1:])
        elif path == "/favicon.ico":
            self.send(204, "image/x-icon", "")
        else:
            raise WebRefused(404, "panel.page.not_there")

    def post(self, path: str) -> None:
        """Break and mend."""
        if path != "/set":
            raise WebRefused(404, "panel.page.not_there")
        self.require_own_form()
        try:
            self.server.work(self._setting())
        except Unfit as unfit:
            raise WebRefused(400, unfit.key, **unfit.params) from unfit
        except PanelError as error:
            raise WebRefused(400, error.code, **error.params) from error
        if "application/json" in self.headers.get("Accept", ""):
            self._state()
            return
        place = self.one("open")
        query = urlencode({"lang": self._language(), "open": place})
        where = f"/?{query}#{quote('t-' + place.replace('/', '.'))}" if place else f"/?{query}"
        self.send(303, "text/plain", "", Location=where)

    def _setting(self) -> str:
        """Return the button's word; the one beside a number takes the number with it."""
        change = self.one("change")
        return f"{change}:{self.one('number').strip().replace(',', '.')}" if change.endswith("=value") else change

    def _state(self) -> None:
        seen = view(self._language(), self.server.boxes, self.server.look())
        self.send(200, "application/json", json.dumps(asdict(seen), ensure_ascii=False))

    def _language(self) -> Language:
        wanted = self.one("lang")
        return "vi" if wanted == "vi" else "en" if wanted == "en" else spoken()
