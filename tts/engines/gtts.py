"""gTTS: Google's voice. Needs the Internet, and sends the text to Google.

Of the library gTTS the packing of requests is used, but not their sending, which (2.2.4) has no time limit, switches
TLS verification off and takes half an answer for a whole one.
"""

import base64
import binascii
import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tts import audio
from tts.engines import About
from tts.engines.limited import LimitedThread
from tts.engines.settings import GttsSettings
from tts.errors import EngineError
from tts.reading import passages

if TYPE_CHECKING:
    import requests

_PATH = "/_/TranslateWebserverUi/data/batchexecute"
_ANSWER = re.compile(rb'"jQ1olc",("(?:[^"\\]|\\.)*")')
_PART_CHARS = 100  # the service takes no more in one request
# One request is 100 characters, some 10 s of 32 kbit/s MP3 in base64: 60 kB.
_MOST_BYTES = 4_000_000
_REST_S = 60.0  # an offline node does not wait for the time limit with every announcement
_LONGEST_REST_S = 900.0
_CHECK_S = 4.0


class GttsEngine:
    """Speaks through Google Translate; see `Engine`."""

    name = "gtts"
    rate = "normal"

    def __init__(self, settings: GttsSettings) -> None:
        self.voice = f"{settings.lang}@{settings.address or settings.tld}"
        self._settings = settings
        self._base = settings.address or f"https://translate.google.{settings.tld}"
        self._session: requests.Session | None = None
        self._thread = LimitedThread("tts-gtts")

    def about(self) -> About:
        """See `Engine.about`."""
        return About("MIT (gTTS), Google's terms of service", "free_service", ("network",), sends_text=True)

    def version(self) -> str:
        """Return a constant: the voice lives at Google's and tells no version."""
        return "web"

    def check(self) -> None:
        """Look whether the service can be reached and proves who it is, without sending a text; see `Engine.check`."""
        timeout_s = min(self._settings.timeout_s, _CHECK_S)
        self._thread.run(lambda: self._knock(timeout_s), timeout_s + 0.5)

    def close(self) -> None:
        """End the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def synthesise(self, text: str, out: Path) -> None:
        """Write the speech of `text` to `out` as WAV. See `Engine.synthesise`."""
        timeout_s = self._settings.timeout_s
        parts = list(passages(text, _PART_CHARS))
        bodies = [self._body(part) for part in parts]
        deadline = time.monotonic() + timeout_s
        try:
            # The thread bounds what the library's time limits do not: names that do not resolve, answers that drip.
            answers = self._thread.run(lambda: [self._ask(body, deadline) for body in bodies], timeout_s + 0.5)
        except EngineError as error:
            self._session = None  # its connection may be in the middle of something
            if error.code == "engine.timeout":
                raise EngineError(error.code, error.detail, _REST_S) from error
            raise
        # Decoded one by one: each has headers of its own, and each may have been cut off.
        counts = [len(part.split()) for part in parts]
        audio.write(out, [audio.speech(mp3, words) for mp3, words in zip(answers, counts, strict=True)])

    def _body(self, part: str) -> str:
        from gtts import gTTS

        try:
            (body,) = gTTS(part, lang=self._settings.lang, pre_processor_funcs=[]).get_bodies()
        except (ValueError, AssertionError) as error:  # unknown language, nothing to speak
            raise EngineError("engine.failed", f"gTTS: {error}") from error
        return str(body)

    def _ask(self, body: str, deadline: float) -> bytes:
        from gtts import gTTS

        left = max(0.1, deadline - time.monotonic())
        with (
            self._named(deadline, self._settings.timeout_s),
            self._connected().post(
                self._base + _PATH,
                data=body,
                headers=gTTS.GOOGLE_TTS_HEADERS,
                timeout=left,
                verify=self._authority(),
                allow_redirects=False,  # Google redirects to a captcha; the text goes nowhere else
                stream=True,
            ) as answer,
        ):
            _check_status(answer)
            return _audio(_read(answer, deadline))

    def _knock(self, timeout_s: float) -> None:
        with (
            self._named(time.monotonic() + timeout_s, timeout_s),
            self._connected().head(
                self._base, timeout=timeout_s, verify=self._authority(), allow_redirects=False
            ) as answer,
        ):
            if answer.status_code >= 400:
                _check_status(answer)

    def _connected(self) -> "requests.Session":
        import requests

        self._session = self._session or requests.Session()
        return self._session

    def _authority(self) -> str | bool:
        return str(self._settings.ca_file) if self._settings.ca_file else True

    @contextlib.contextmanager
    def _named(self, deadline: float, timeout_s: float) -> Iterator[None]:
        """Give the library's errors our names."""
        import requests

        try:
            yield
        except requests.exceptions.SSLError as error:
            raise EngineError("engine.untrusted", f"TLS: {_why(error)} (is the clock right?)", _REST_S) from error
        except requests.exceptions.Timeout as error:
            raise EngineError("engine.timeout", f"no answer within {timeout_s:g} s", _REST_S) from error
        except (requests.exceptions.RequestException, OSError) as error:  # OSError: `ca_file` is missing
            # A body that stalls is reported as a broken connection.
            code = "engine.timeout" if time.monotonic() >= deadline else "engine.offline"
            raise EngineError(code, f"{self._base}: {_why(error)}", _REST_S) from error


def _why(error: Exception) -> str:
    """Return the innermost reason that requests and urllib3 have wrapped up."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", None) or inner)[-200:]


def _check_status(answer: "requests.Response") -> None:
    if answer.status_code == 200:
        return
    rest_s = _REST_S
    wanted = answer.headers.get("Retry-After", "")
    if wanted.isascii() and wanted.isdigit():
        rest_s = min(max(rest_s, float(wanted)), _LONGEST_REST_S)
    raise EngineError("engine.refused", f"the service answered {answer.status_code} {answer.reason}", rest_s)


def _read(answer: "requests.Response", deadline: float) -> bytes:
    """Return the body; stops an answer that drips past the deadline or does not end."""
    data = bytearray()
    for block in answer.iter_content(8192):
        data += block
        if time.monotonic() > deadline:
            raise EngineError("engine.timeout", "the answer did not end in time", _REST_S)
        if len(data) > _MOST_BYTES:
            raise EngineError("engine.bad_audio", f"the answer is longer than {_MOST_BYTES} bytes")
    return bytes(data)


def _audio(answer: bytes) -> bytes:
    r"""Return the MP3 in an answer such as `["wrb.fr","jQ1olc","[\"//NEx...\"]",null]`: base64 in JSON in JSON."""
    found = _ANSWER.search(answer)
    if not found:
        raise EngineError("engine.bad_audio", "the answer holds no audio")
    try:
        (encoded,) = json.loads(json.loads(found[1]))
        mp3 = base64.b64decode(encoded, validate=True)
    except (ValueError, TypeError, binascii.Error) as error:
        raise EngineError("engine.bad_audio", f"the audio in the answer is damaged: {error}") from error
    if not mp3:
        raise EngineError("engine.bad_audio", "the audio in the answer is empty")
    return mp3
