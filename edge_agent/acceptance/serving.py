"""The acceptance as a page on the box's own address, for who holds the code that the terminal shows."""

import hmac
import secrets
import socket
import threading
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode

import psutil

from edge_agent.acceptance import page as pages
from edge_agent.acceptance.session import NotNow, Place, Session
from edge_agent.contract.reports import Position
from edge_agent.contract.sentences import Language
from edge_agent.smallweb import HTML, SmallRequest, SmallServer, WebRefused
from edge_agent.words import Both
from edge_agent.words import language as spoken

LIFE_S = 3600.0
_AFTER_SENT_S = 60.0
_WRONG_S = 0.5
"""Whoever guesses a code waits so long for each: in the hour of a page that is nothing among 31**8."""
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_COOKIE = "acceptance"

Send = Callable[[], Both]
"""Make the record, keep it, send it on; a sentence of what became of it. Raises NotNow."""


class AcceptanceServer(SmallServer):
    """Serves until `shutdown`, for an hour at most. `on_code` hears each new code: one opens the page once."""

    def __init__(
        self,
        session: Session,
        title: str,
        address: tuple[str, int],
        *,
        send: Send,
        on_code: Callable[[str], None],
    ) -> None:
        """Bind. Raises OSError."""
        self.session, self.title, self.send_record, self._on_code = session, title, send, on_code
        self.sent: Both | None = None
        self.secret = secrets.token_urlsafe(24)
        self._opening = threading.Lock()
        self._code = ""
        super().__init__(address, _Request, secrets.token_urlsafe(24))
        self._timer = threading.Timer(LIFE_S, self.shutdown)
        self._timer.daemon = True
        self._timer.start()

    @property
    def hosts(self) -> list[str]:
        """Addresses and names by which it is reached, the best first."""
        bound = str(self.server_address[0])
        if bound != "0.0.0.0":  # noqa: S104 - compared, not bound
            return [bound]
        found = [
            each.address
            for name, addresses in psutil.net_if_addrs().items()
            for each in addresses
            if each.family == socket.AF_INET and name != "lo"
        ]
        return [*found, "127.0.0.1"]

    def new_code(self) -> None:
        """Make a code that opens the page once, and say it."""
        self._code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        self._on_code(f"http://{self.hosts[0]}:{self.server_address[1]}/open?code={self._code}")

    def opens(self, code: str) -> bool:
        """Whether that is the code; then it is none any more."""
        with self._opening:
            if hmac.compare_digest(code.strip().lower().encode(), self._code.encode()):
                self.new_code()
                return True
        time.sleep(_WRONG_S)
        return False

    def send_now(self) -> None:
        """Sign and send, once; soon after it is over. Raises NotNow."""
        with self._opening:
            if self.sent:
                return
            self.sent = self.send_record()
            self._timer.cancel()
            self._timer = threading.Timer(_AFTER_SENT_S, self.shutdown)
            self._timer.daemon = True
            self._timer.start()

    def server_close(self) -> None:
        """Let the address go."""
        self._timer.cancel()
        super().server_close()


class _Request(SmallRequest):
    """One request."""

    server: AcceptanceServer

    def knows_host(self, host: str) -> bool:
        name = host.rpartition(":")[0] if ":" in host else host
        own = socket.gethostname().lower()
        return name.lower() in {*self.server.hosts, "localhost", "127.0.0.1", own, f"{own}.local"}

    def worded(self, key: str, **params: object) -> str:
        return pages.word(self._language(), key, **params)

    def get(self, path: str) -> None:
        """The page, a picture, one of its two files, or the door."""
        if path in ("/acceptance.css", "/acceptance.js"):
            self.file("edge_agent.acceptance", path[1:])
        elif path == "/favicon.ico":
            self.send(204, "image/x-icon", "")
        elif path == "/open":
            self._open()
        elif not self._is_inside():
            self.send(200 if path == "/" else 403, HTML, pages.door(self._language(), ""))
        elif path == "/":
            self._page("")
        elif path.startswith("/picture/"):
            self._picture(path)
        else:
            raise WebRefused(404, "panel.page.not_there")

    def post(self, path: str) -> None:
        """What was pressed."""
        if path != "/do":
            raise WebRefused(404, "panel.page.not_there")
        if not self._is_inside():
            raise WebRefused(403, "panel.page.stale")
        self.require_own_form()
        try:
            self._press(self.one("act"))
        except NotNow as no:
            self._page(self.worded(no.key), 409)
            return
        except ValueError:
            self._page(self.worded("accept.bad_number"), 400)
            return
        self._go(f"/?{urlencode({'step': self.one('step'), 'lang': self._language()})}")

    def _press(self, act: str) -> None:
        session = self.server.session
        if act == "send":
            self.server.send_now()
            return
        if self.server.sent:
            raise NotNow("accept.sent_already")
        step = int(self.one("step"))
        match act:
            case "place":
                session.set_place(self._place())
            case "begin":
                session.begin(step)
            case "yes" | "no":
                session.answer(step, act == "yes")
            case "again":
                session.again(step)
            case "skip":
                session.skip(step, self.one("reason"))
            case _:
                raise NotNow("accept.not_now")

    def _place(self) -> Place:
        latitude, longitude = (float(self.one(name).strip().replace(",", ".")) for name in ("latitude", "longitude"))
        by = self.one("by")
        before = self.server.session.place.position
        now = Position(latitude=latitude, longitude=longitude)  # pydantic's error is a ValueError
        if by not in ("phone", "hand"):
            moved = max(abs(now.latitude - before.latitude), abs(now.longitude - before.longitude)) > 1e-6
            by = "hand" if moved else "configuration"
        return Place(self.one("installer"), now, by)

    def _open(self) -> None:
        if not self.server.opens(self.one("code")):
            self.send(403, HTML, pages.door(self._language(), self.worded("accept.code_wrong")))
            return
        cookie = f"{_COOKIE}={self.server.secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={round(LIFE_S)}"
        where = f"/?{urlencode({'lang': self._language()})}"
        self.send(303, "text/plain", "", Location=where, Set_Cookie=cookie)

    def _page(self, problem: str, status: int = 200) -> None:
        server = self.server
        language = self._language()
        sent = server.sent.text(language) if server.sent is not None else ""
        look = pages.Look(language, server.token, server.title, sent, problem)
        self.send(status, HTML, pages.page(look, server.session, self._step()))

    def _step(self) -> int | None:
        """Which one is asked for; the first that is not over where none is."""
        session, asked = self.server.session, self.one("step")
        if asked == pages.END or self.server.sent:
            return None
        if asked.isdecimal() and int(asked) < len(session.steps):
            return int(asked)
        return next((at for at in range(len(session.steps)) if not session.is_over(at)), None)

    def _picture(self, path: str) -> None:
        try:
            step, number = (int(part) for part in path.removeprefix("/picture/").split("/"))
            jpeg = self.server.session.steps[step].found[number].picture
        except (ValueError, IndexError):
            jpeg = None
        if jpeg is None:
            raise WebRefused(404, "panel.page.not_there")
        self.send(200, "image/jpeg", jpeg)

    def _is_inside(self) -> bool:
        try:
            cookie: Any = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self.server.secret.encode())

    def _go(self, where: str) -> None:
        self.send(303, "text/plain", "", Location=where)

    def _language(self) -> Language:
        wanted = self.one("lang")
        return "vi" if wanted == "vi" else "en" if wanted == "en" else spoken()
