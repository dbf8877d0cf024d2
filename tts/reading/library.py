"""The library sea-g2p, for signs that our rules do not know. It carries 62 MB of dictionary: loaded at first need."""

from typing import Protocol

from tts.reading.entry import is_speakable

_MOST_KNOWN = 1000


class Normalizer(Protocol):
    """What is used of `sea_g2p.Normalizer`."""

    def normalize(self, text: str) -> str:
        """Return `text` with numbers, dates, units and signs as words."""

    def audit(self, text: str) -> list[str]:
        """Return the characters that `normalize` would drop without a word."""


class Library:
    """Asks sea-g2p, and believes it only where it drops nothing and answers in words."""

    def __init__(self, normalizer: Normalizer | None = None) -> None:
        self._normalizer = normalizer
        self._known: dict[str, str | None] = {}

    def read(self, sign: str) -> str | None:
        """Return the words for one sign, None when the library does not know them for sure."""
        if sign not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[sign] = self._asked(sign)
        return self._known[sign]

    def _asked(self, sign: str) -> str | None:
        try:
            library = self._load()
            if library.audit(sign):
                return None
            words = " ".join(library.normalize(sign).split()).lower()
        except BaseException as error:
            # A Rust panic arrives as `pyo3_runtime.PanicException`, which cannot be imported and is no `Exception`.
            if type(error).__name__ != "PanicException":
                raise
            return None
        return words if is_speakable(words) else None

    def _load(self) -> Normalizer:
        if self._normalizer is None:
            from sea_g2p import Normalizer as SeaNormalizer

            loaded: Normalizer = SeaNormalizer()
            self._normalizer = loaded
        return self._normalizer
