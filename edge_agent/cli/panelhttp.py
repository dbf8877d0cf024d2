"""The fault panel as a page: a small server on the loopback address of this machine.

Whoever reaches it may break a simulated cabinet and nothing else. A foreign page in the same browser may not: the host
name must be ours (no rebinding), a form must come from our page (Sec-Fetch-Site or Origin) and carry its secret.
"""

import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from drivers.simulated.faults import PanelError
from edge_agent.cli.panelboxes import Box, Unfit, look, work
from edge_agent.cli.panelpage import Shown, page, told, view
from edge_agent.contract.sentences import Language
from edge_agent.words import language as spoken

_HOST = re.compile(r"(localhost|127\.0\.0\.1)(:[0-9]{1,5})?", re.IGNORECASE)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FILES = {"/panel.css": "text/css; charset=utf-8", "/panel.js": "text/javascript; charset=utf-8"}
_AT_ONCE = 16
_MAX_BODY = 4096
_FRESH_S = 0.4
"""Several pages at once share one look at the cabinets."""


class PanelServer(ThreadingHTTPServer):
    """Serves the page until `shutdown`; a context manager. A connection has 10 seconds, at most 16 are open at once."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, boxes: Sequence[Box], title: str, port: int) -> None:
        """Bind to loopback; port 0 takes a free one. Raises OSError."""
        self.boxes, self.title, self.token = boxes, title, secrets.token_urlsafe(24)
        self._open = threading.Semaphore(_AT_ONCE)
        self._looking, self._looked = threading.Lock(), float("-inf")
        self._shown: list[Shown] = []
        super().__init__(("127.0.0.1", port), _Request)

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

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, unless too many are open."""
        if self._open.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of one who hung up."""


class _Refused(Exception):
    """An answer that is a refusal."""

    def __init__(self, status: int, key: str, **params: object) -> None:
        super().__init__(key)
        self.status, self.key, self.params = status, key, params


class _Request(BaseHTTPRequestHandler):
    """One request."""

    timeout = 10
    server: PanelServer
    _query: Mapping[str, list[str]] = {}
    server_version, sys_version = "panel", ""

    def do_GET(self) -> None:
        """Answer with the page, its state as JSON, or one of its two files."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Break and mend."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the trainer."""

    def _answer(self, handle: Any) -> None:
        try:
            self._query = _fields(urlsplit(self.path).query)
            if not _HOST.fullmatch(self.headers.get("Host", "")):
                raise _Refused(421, "panel.page.bad_host")
            handle()
        except _Refused as refused:
            self._refuse(refused.status, told(self._language(), refused.key, **refused.params))
        except OSError as error:
            self._refuse(500, told(self._language(), "panel.page.cannot", detail=error.strerror or error))

    def _get(self) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            language, opened = self._language(), _one(self._query, "open")
            server = self.server
            seen = view(language, server.boxes, server.look())
            self._send(
                200, "text/html; charset=utf-8", page(language, server.title, server.token, server.boxes, seen, opened)
            )
        elif path == "/state":
            self._state()
        elif path in _FILES:
            text = resources.files("edge_agent.cli").joinpath(path[1:]).read_text(encoding="utf-8")
            self._send(200, _FILES[path], text)
        elif path == "/favicon.ico":
            self._send(204, "image/x-icon", "")
        else:
            raise _Refused(404, "panel.page.not_there")

    def _post(self) -> None:
        if urlsplit(self.path).path != "/set":
            raise _Refused(404, "panel.page.not_there")
        self._query = form = self._form()
        if not self._from_us() or not hmac.compare_digest(_one(form, "token").encode(), self.server.token.encode()):
            raise _Refused(403, "panel.page.stale")
        try:
            self.server.work(_setting(form))
        except Unfit as unfit:
            raise _Refused(400, unfit.key, **unfit.params) from unfit
        except PanelError as error:
            raise _Refused(400, error.code, **error.params) from error
        if "application/json" in self.headers.get("Accept", ""):
            self._state()
            return
        place = _one(form, "open")
        query = urlencode({"lang": self._language(), "open": place})
        self._send(
            303,
            "text/plain",
            "",
            location=f"/?{query}#{quote('t-' + place.replace('/', '.'))}" if place else f"/?{query}",
        )

    def _form(self) -> Mapping[str, list[str]]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            raise _Refused(413, "panel.page.bad_form")
        try:
            return _fields(self.rfile.read(int(length)).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise _Refused(400, "panel.page.bad_form") from error

    def _from_us(self) -> bool:
        """By the browser's own word; one that says nothing is no browser."""
        site = self.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc.lower() == self.headers.get("Host", "").lower()

    def _state(self) -> None:
        seen = view(self._language(), self.server.boxes, self.server.look())
        self._send(200, "application/json", json.dumps(asdict(seen), ensure_ascii=False))

    def _language(self) -> Language:
        wanted = _one(self._query, "lang")
        return "vi" if wanted == "vi" else "en" if wanted == "en" else spoken()

    def _refuse(self, status: int, sentence: str) -> None:
        self._send(status, "text/plain; charset=utf-8", sentence + "\n")

    def _send(self, status: int, kind: str, text: str, *, location: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (*_HEADERS.items(), ("Content-Type", kind), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)


def _fields(text: str) -> Mapping[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise _Refused(400, "panel.page.bad_form") from error


def _setting(form: Mapping[str, list[str]]) -> str:
    """Return the button's word; the one beside a number takes the number with it."""
    change = _one(form, "change")
    return f"{change}:{_one(form, 'number').strip().replace(',', '.')}" if change.endswith("=value") else change


def _one(form: Mapping[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0]
