"""espeak-ng: robotic, but offline, tiny and quick. The last engine of every chain."""

import re
from pathlib import Path

from tts.engines import About
from tts.engines.program import run_program
from tts.engines.settings import EspeakSettings
from tts.errors import EngineError

_VERSION_S = 3.0


class EspeakEngine:
    """Speaks through the program espeak-ng; see `Engine`."""

    name = "espeak-ng"

    def __init__(self, settings: EspeakSettings) -> None:
        self.voice = settings.voice
        self.rate = f"{settings.rate_wpm}/{settings.pitch}"
        self._settings = settings
        self._version: str | None = None
        self._asked = False

    def about(self) -> About:
        """See `Engine.about`."""
        return About("GPL-3.0-or-later", "free", ("program",), sends_text=False)

    def version(self) -> str | None:
        """Return the program's version, for example `1.51`, or None when it does not answer. It is asked only once."""
        if not self._asked:
            self._asked = True
            try:
                ended = run_program([self._settings.program, "--version"], "", _VERSION_S)
            except EngineError:
                return None
            found = re.search(r"\d+\.\d+(?:\.\d+)*", ended.printed)
            self._version = found[0] if found and ended.code == 0 else None
        return self._version

    def check(self) -> None:
        """Look for the program and the voice; see `Engine.check`."""
        ended = run_program([self._settings.program, "--version"], "", _VERSION_S)
        if ended.code != 0:
            raise EngineError(
                "engine.failed", f"{self._settings.program} ended with code {ended.code}: {ended.printed}"
            )
        # -q speaks nothing, but loads the voice.
        ended = run_program([self._settings.program, "-q", "-v", self._settings.voice, "a"], "", _VERSION_S)
        if ended.code != 0:
            raise EngineError("engine.failed", f"voice {self._settings.voice}: {ended.printed or 'it said nothing'}")

    def close(self) -> None:
        """Nothing is running between sentences."""

    def synthesise(self, text: str, out: Path) -> None:
        """Write the speech of `text` to `out` as WAV. See `Engine.synthesise`."""
        wanted = self._settings
        options = ["-v", wanted.voice, "-s", str(wanted.rate_wpm), "-p", str(wanted.pitch), "-b", "1"]
        # "[[" would start espeak's own phoneme notation.
        plain = text.replace("[[", " ").replace("]]", " ")
        ended = run_program([wanted.program, *options, "--stdin", "-w", str(out)], plain, wanted.timeout_s)
        if ended.code != 0:
            reason = ended.printed or "it said nothing"
            raise EngineError("engine.failed", f"{wanted.program} ended with code {ended.code}: {reason}")
        if not out.exists():
            raise EngineError("engine.bad_audio", f"{wanted.program} wrote no audio")
