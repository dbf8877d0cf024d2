"""A page that a command serves for a while: what all such pages share. Plain HTTP, a few connections, strict headers.

A foreign page in the same browser can do nothing: the host name must be ours (no rebinding), and a form must come from
our own page (Sec-Fetch-Site or Origin) and carry its secret.
"""

import hmac
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
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
HTML = "text/html; charset=utf-8"
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_AT_ONCE = 16
_MAX_BODY = 4096


class WebRefused(Exception):
    """An answer that is a refusal: its status, and the key of its sentence."""

    def __init__(self, status: int, key: str, **params: object) -> None:
        super().__init__(key)
        self.status, self.key, self.params = status, key, params


class SmallServer(ThreadingHTTPServer):
    """Serves until `shutdown`; a context manager. A connection has 10 seconds, at most 16 are open at once."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], handler: "type[SmallRequest]", token: str) -> None:
        """Bind; port 0 takes a free one. `token`: the secret of the forms. Raises OSError."""
        self.token = token
        self._open = threading.Semaphore(_AT_ONCE)
        super().__init__(address, handler)

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


class SmallRequest(BaseHTTPRequestHandler):
    """One request. Whoever serves a page says what `get` and `post` do, and how refusals are worded."""

    timeout = 10
    server: SmallServer
    query: Mapping[str, list[str]] = {}
    server_version, sys_version = "page", ""

    def get(self, path: str) -> None:
        """Answer a GET. Raises WebRefused, OSError."""
        raise NotImplementedError

    def post(self, path: str) -> None:
        """Answer a POST; `query` then holds the form. Raises WebRefused, OSError."""
        raise NotImplementedError

    def worded(self, key: str, **params: object) -> str:
        """A sentence in the reader's language."""
        raise NotImplementedError

    def knows_host(self, host: str) -> bool:
        """Whether the page may be asked for by that name."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer with what `get` gives."""
        self._answer(lambda: self.get(urlsplit(self.path).path))

    def do_POST(self) -> None:
        """Take a form that comes from our own page."""
        self._answer(self._form_taken)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to whoever started the command."""

    def _answer(self, handle: Any) -> None:
        try:
            self.query = fields(urlsplit(self.path).query)
            if not self.knows_host(self.headers.get("Host", "")):
                raise WebRefused(421, "panel.page.bad_host")
            handle()
        except WebRefused as refused:
            self.refuse(refused.status, self.worded(refused.key, **refused.params))
        except OSError as error:
            self.refuse(500, self.worded("panel.page.cannot", detail=error.strerror or error))

    def _form_taken(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            raise WebRefused(413, "panel.page.bad_form")
        try:
            self.query = fields(self.rfile.read(int(length)).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise WebRefused(400, "panel.page.bad_form") from error
        self.post(urlsplit(self.path).path)

    def require_own_form(self) -> None:
        """Raises WebRefused for a form that is not from our page of now."""
        if not self._from_us() or not hmac.compare_digest(self.one("token").encode(), self.server.token.encode()):
            raise WebRefused(403, "panel.page.stale")

    def _from_us(self) -> bool:
        """By the browser's own word; one that says nothing is no browser."""
        site = self.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc.lower() == self.headers.get("Host", "").lower()

    def one(self, name: str) -> str:
        """A field of the address or of the form; empty where it is not there."""
        return self.query.get(name, [""])[0]

    def refuse(self, status: int, sentence: str) -> None:
        """An answer in one sentence."""
        self.send(status, "text/plain; charset=utf-8", sentence + "\n")

    def file(self, package: str, name: str) -> None:
        """One of the page's own files."""
        text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
        self.send(200, _KINDS[name.rpartition(".")[2]], text)

    def send(self, status: int, kind: str, content: str | bytes, **more: str) -> None:
        """An answer; `more`: further headers, hyphens as underscores."""
        body = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in (*_HEADERS.items(), ("Content-Type", kind), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def fields(text: str) -> Mapping[str, list[str]]:
    """The fields of a form or of an address, few of them. Raises WebRefused."""
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise WebRefused(400, "panel.page.bad_form") from error
