"""Stand-ins for the outside world: Google's endpoint on loopback, and programs that behave like espeak-ng or worse."""

import base64
import json
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import av
import numpy as np

Samples = np.ndarray


def tone(seconds: float, rate: int = 24_000, level: float = 0.3) -> Samples:
    """A 300 Hz tone, 16-bit mono."""
    wave = np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)
    return (wave * level * 32767).astype(np.int16)


def encode(
    path: Path,
    samples: Samples,
    rate: int = 24_000,
    codec: str = "libmp3lame",
    layout: str = "mono",
    options: dict[str, str] | None = None,
) -> bytes:
    """Write `samples` to `path` (the suffix chooses the container) and return the bytes."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        wide = np.repeat(samples, len(stream.layout.channels))
        frame = av.AudioFrame.from_ndarray(wide.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        for packet in stream.encode(frame):
            container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path.read_bytes()


class StandIn:
    """Google Translate's speech endpoint as far as gTTS talks to it, on a free port of 127.0.0.1.

    `mode` is one of good, empty, no_audio, cut_body, cut_base64, cut_mp3, silent, busy, error, redirect, hang, drip,
    endless, garbage, bomb. `texts` are those asked for; after
    `cut_from` good answers the audio is cut off.
    """

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        self.mode = "good"
        self.headers: dict[str, str] = {}
        self.texts: list[str] = []
        self.seconds_per_word = 0.3
        self.cut_from = 1000
        self.before: Callable[[], None] = lambda: None  # called before each answer
        self.released = threading.Event()
        self._folder = folder
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def mp3(self, text: str) -> bytes:
        level = 0.0 if self.mode == "silent" else 0.3
        samples = tone(0.2 + self.seconds_per_word * len(text.split()), level=level)
        # As Google's, without a header that tells how long it is.
        path = self._folder / f"answer-{threading.get_ident()}.mp3"
        data = encode(path, samples, options={"write_xing": "0"})
        cut = self.mode == "cut_mp3" or len(self.texts) > self.cut_from
        return data[: len(data) // 20] if cut else data

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                rpc = json.loads(parse_qs(body)["f.req"][0])
                text = json.loads(rpc[0][0][1])[0]
                stand_in.texts.append(text)
                stand_in.before()
                stand_in._answer(self, text)

            def do_HEAD(self) -> None:
                if stand_in.mode == "hang":
                    stand_in.released.wait(30)
                    return
                self.send_response({"busy": 429, "error": 503, "redirect": 302}.get(stand_in.mode, 200))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, text: str) -> None:
        mode = self.mode
        if mode == "hang":
            self.released.wait(30)
            return
        status = {"busy": 429, "error": 503, "redirect": 302}.get(mode, 200)
        body = self._body(mode, text) if status == 200 else b"Sorry"
        if mode == "bomb":
            request.send_response(200)
            request.send_header("Content-Encoding", "gzip")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
            return
        promised = len(body) + 1000 if mode in {"cut_body", "drip"} else len(body)
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if mode == "endless":
            request.send_header("Connection", "close")
        else:
            request.send_header("Content-Length", str(promised))
        request.end_headers()
        try:
            request.wfile.write(body)
            while mode in {"drip", "endless"} and not self.released.wait(0.02 if mode == "drip" else 0):
                request.wfile.write(b"." if mode == "drip" else b"." * 1_000_000)
        except OSError:  # the client has had enough
            pass
        if mode == "cut_body":
            request.close_connection = True

    def _body(self, mode: str, text: str) -> bytes:
        if mode == "empty":
            return b""
        if mode == "bomb":  # 300 MB when unpacked
            packer = zlib.compressobj(9, wbits=31)
            return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(300)), packer.flush()])
        if mode == "garbage":
            return b"\xff\xfe<html>captcha</html>"
        if mode in {"drip", "endless"}:
            return b")]}'"
        encoded = base64.b64encode(self.mp3(text)).decode()
        if mode == "cut_base64":
            encoded = encoded[: len(encoded) // 2 // 4 * 4 - 3]
        inner = None if mode == "no_audio" else json.dumps([encoded])
        row = json.dumps(["wrb.fr", "jQ1olc", inner, None, None, None, "generic"], separators=(",", ":"))
        # "=" arrives escaped from Google's own JSON writer.
        body = f')]}}\'\n\n[{row}\n,["di",42]\n]\n'.replace("=", "\\\\u003d").encode()
        return body[: len(body) // 2] if mode == "cut_body" else body


def certificate(folder: Path) -> Path:
    """A throw-away self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both


_PROGRAM = """#!/bin/sh
# Called as: program --version | program -v VOICE -s RATE -p PITCH -b 1 --stdin -w OUT
echo "$@" >> "{log}"
if [ "$1" = --version ]; then echo "stand-in 9.9"; exit 0; fi
for out; do :; done  # the last argument
{body}
"""


class Programs:
    """Writes programs that are called like espeak-ng; `calls` counts how often one was asked to speak."""

    BODIES: ClassVar = {
        "good": 'exec espeak-ng "$@"',
        "hang": "exec sleep 40",
        "die": "echo out of luck >&2; kill -SEGV $$",
        "fail": "echo no such voice >&2; exit 3",
        "nothing": "cat > /dev/null",
        "empty": ': > "$out"',
        "text": 'echo hello > "$out"',
    }

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, kind: str, name: str | None = None) -> str:
        """Return the path of a program whose behaviour is `kind`: a name of `BODIES`, or `silent`."""
        path = self._folder / (name or kind)
        body = self.BODIES.get(kind, "")
        if kind == "silent":
            silence = self._folder / "silence.wav"
            encode(silence, tone(5, level=0), codec="pcm_s16le")
            body = f'cp "{silence}" "$out"'
        path.write_text(_PROGRAM.format(log=f"{path}.log", body=body))
        path.chmod(0o755)
        return str(path)

    def calls(self, program: str) -> int:
        log = Path(f"{program}.log")
        return sum("--stdin" in line for line in log.read_text().splitlines()) if log.exists() else 0
