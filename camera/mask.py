"""Keep a camera's password out of logs, errors and states."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from camera.model import CameraConfig

_USERINFO = re.compile(r"(rtsps?://)[^\s/@]*@", re.IGNORECASE)
_HIDDEN = "***"


class Mask:
    """Replaces secrets in text, as they are and percent-encoded, and any `user:password@` of an address."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {spelling for secret in secrets if secret for spelling in (secret, quote(secret, safe=""))}
        self._spellings = sorted(spellings, key=len, reverse=True)

    @classmethod
    def of(cls, configs: Iterable[CameraConfig]) -> Mask:
        """Return the mask for the cameras' passwords."""
        return cls([config.password.get_secret_value() for config in configs if config.password is not None])

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets."""
        text = _USERINFO.sub(rf"\1{_HIDDEN}@", text)
        for spelling in self._spellings:
            text = text.replace(spelling, _HIDDEN)
        return text
