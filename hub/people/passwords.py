"""Passwords: kept as argon2id, checked in a few threads, refused when everybody would try them first."""

import asyncio
import re
import unicodedata
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST, LONGEST = 10, 200
AT_ONCE = 2
"""Each takes 19 MiB and a core."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet names (2024)."""
_RUN = "0123456789abcdefghijklmnopqrstuvwxyz"
_ROWS = (_RUN, _RUN[::-1], "01234567890", "09876543210", "1234567890", "qwertyuiopasdfghjklzxcvbnm")


class Passwords:
    """Makes and checks what is kept of passwords."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def make(self, password: str) -> str:
        """What is kept of it."""
        async with self._turns:
            return await asyncio.to_thread(_HASHER.hash, _same(password))

    async def right(self, kept: str, password: str) -> bool:
        """Whether it is the password. `kept` empty: nobody's; takes as long, so that names cannot be found by time."""
        async with self._turns:
            return await asyncio.to_thread(_right, kept, password)


def problem(password: str, *own: str) -> str | None:
    """The key of what is wrong with a new password, or None. `own`: login and name, which others know."""
    if len(password) < SHORTEST:
        return "people.password_short"
    if len(password) > LONGEST:
        return "people.password_long"
    plain = _plain(password)
    bare = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain)
    if plain in _common() or bare in _common() or _is_simple(plain):
        return "people.password_common"
    if any(len(word) >= 4 and word in plain and len(plain) - len(word) < 6 for word in map(_plain, own)):
        return "people.password_own"
    return None


def _is_simple(plain: str) -> bool:
    """One piece again and again, or a row of the keyboard."""
    if any(plain in row * 2 for row in _ROWS):
        return True
    return any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, 5))


def _right(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept or _nobodys(), _same(password[:LONGEST])) and bool(kept)
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("\x00 nobody's")


def _same(password: str) -> bytes:
    """Phones write `ệ` in more than one way; all are the same password."""
    return unicodedata.normalize("NFC", password).encode(errors="replace")


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in folded if c.isascii() and c.isalnum())


@cache
def _common() -> frozenset[str]:
    text = resources.files("hub").joinpath("people/common.txt").read_text(encoding="ascii")
    return frozenset(text.split())
