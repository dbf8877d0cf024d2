"""Piper: neural voices without a network, in a process of their own that stays loaded.

piper-tts is GPL-3 and is never imported here: it is a program that is run (`python -m piper`) and spoken to in lines,
one sentence at a time, because the espeak inside it serves only one. Its habit of bringing each sentence to full scale
is switched off, with some headroom for voices that go beyond it; `audio.prepare` brings every sentence to one level.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from tts import audio
from tts.engines import About
from tts.engines.loaded import LoadedProgram
from tts.engines.program import run_program
from tts.engines.settings import PiperSettings
from tts.errors import EngineError
from tts.reading import passages

_VOLUME = "0.5"  # 6 dB of headroom
_VERSION_S = 10.0
_ASK_VERSION = "from importlib.metadata import version; print(version('piper-tts'))"
_FIRST_REST_S, _LONGEST_REST_S = 5.0, 300.0
_SAMPLES, _SAMPLE_BYTES = 64, 4096


class PiperEngine:
    """Speaks through Piper; see `Engine`."""

    name = "piper"

    def __init__(self, settings: PiperSettings) -> None:
        self._settings = settings
        self._config = settings.config or settings.model.with_name(f"{settings.model.name}.json")
        self.voice = settings.model.stem if settings.speaker is None else f"{settings.model.stem}#{settings.speaker}"
        self.rate = f"{settings.length_scale}/{settings.noise_scale}/{settings.noise_w_scale}"
        self._program: LoadedProgram | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._failures = 0
        self._piper: str | None = None

    def about(self) -> About:
        """See `Engine.about`."""
        return About("GPL-3.0-or-later", "free", ("package", "voice_file"), sends_text=False)

    def version(self) -> str | None:
        """Return Piper's version and a fingerprint of the voice file and its settings, None when either is missing."""
        try:
            return f"{self._installed()}-{_fingerprint(self._settings.model, self._config)}"
        except (EngineError, OSError):
            return None

    def check(self) -> None:
        """Look for the voice file, its settings and the package; see `Engine.check`."""
        if not self._settings.model.is_file():
            raise EngineError("engine.no_voice_file", f"there is no voice file {self._settings.model}")
        self._check_config()
        self._installed()

    def synthesise(self, text: str, out: Path) -> None:
        """Write the speech of `text` to `out` as WAV. See `Engine.synthesise`."""
        parts = list(passages(_plain(text), self._settings.part_chars))
        if not parts:
            raise EngineError("engine.failed", "piper: there is nothing to speak")
        if len(parts) == 1:
            shutil.move(self._spoken(parts[0]), out)
            return
        audio.write(out, [audio.decode(self._taken(part)) for part in parts])

    def close(self) -> None:
        """End the process, if there is one."""
        program, self._program = self._program, None
        if program is not None:
            program.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _taken(self, part: str) -> bytes:
        path = self._spoken(part)
        data = path.read_bytes()
        path.unlink()
        return data

    def _spoken(self, part: str) -> Path:
        try:
            program, timeout_s = self._started()
            path = program.speak(part, timeout_s)
        except EngineError as error:
            self.close()
            self._failures += 1
            # The first failure may be tried again at once; a voice that fails again and again is left alone longer.
            rest_s = 0.0 if self._failures == 1 else min(_FIRST_REST_S * 2 ** (self._failures - 2), _LONGEST_REST_S)
            raise EngineError(error.code, f"piper: {error.detail}", rest_s) from error
        self._failures = 0
        return path

    def _started(self) -> tuple[LoadedProgram, float]:
        """Return the running program and how long it may take for the next sentence."""
        if self._program is not None and self._program.alive:
            return self._program, self._settings.timeout_s
        self.close()
        self.check()
        self._folder = tempfile.TemporaryDirectory(prefix="tts-piper-", ignore_cleanup_errors=True)
        self._program = LoadedProgram(self._argv(self._folder.name), Path(self._folder.name))
        return self._program, self._settings.start_s + self._settings.timeout_s

    def _argv(self, folder: str) -> list[str]:
        wanted = self._settings
        options = {
            "--speaker": wanted.speaker,
            "--length-scale": wanted.length_scale,
            "--noise-scale": wanted.noise_scale,
            "--noise-w-scale": wanted.noise_w_scale,
        }
        given = [part for name, value in options.items() if value is not None for part in (name, str(value))]
        files = ["--model", str(wanted.model.absolute()), "--config", str(self._config.absolute())]
        levels = ["--no-normalize", "--volume", _VOLUME]
        return [wanted.python or sys.executable, "-m", "piper", *files, "--output-dir", folder, *levels, *given]

    def _installed(self) -> str:
        """Return the version of piper-tts; where it is installed is not asked twice."""
        if self._piper is None:
            self._piper = _own_version() if self._settings.python is None else _version_of(self._settings.python)
        return self._piper

    def _check_config(self) -> None:
        try:
            config = json.loads(self._config.read_bytes())
            rate, speakers = int(config["audio"]["sample_rate"]), int(config["num_speakers"])
            _ = config["num_symbols"], config["espeak"]["voice"], config["phoneme_id_map"]
        except OSError as error:
            raise EngineError("engine.bad_voice_file", f"{self._config}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{self._config} is no Piper voice's JSON file ({type(error).__name__}: {error})"
            raise EngineError("engine.bad_voice_file", reason) from error
        if rate < 8000 or (self._settings.speaker or 0) >= max(speakers, 1):
            detail = f"{self._config}: {rate} Hz, {speakers} speakers; asked for speaker {self._settings.speaker or 0}"
            raise EngineError("engine.bad_voice_file", detail)


def _plain(text: str) -> str:
    """Return one line without control characters and without "[[", which would start Piper's phoneme notation."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.replace("[[", " ").replace("]]", " ").split())


def _own_version() -> str:
    try:
        return installed("piper-tts")
    except PackageNotFoundError:
        raise EngineError("engine.missing", "the package piper-tts is not installed") from None


def _version_of(python: str) -> str:
    ended = run_program([python, "-c", _ASK_VERSION], "", _VERSION_S)
    if ended.code != 0:
        raise EngineError("engine.missing", f"the package piper-tts is not installed for {python}")
    return ended.printed


def _fingerprint(model: Path, config: Path) -> str:
    """Return a hash of the settings and of 64 places in the voice file: all of its 60 MB would take a Pi a second."""
    digest = hashlib.sha256(config.read_bytes())
    size = model.stat().st_size
    digest.update(str(size).encode())
    with model.open("rb") as file:
        for place in range(_SAMPLES):
            file.seek(max(0, size - _SAMPLE_BYTES) * place // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]
