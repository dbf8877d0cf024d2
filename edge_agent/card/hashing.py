"""What stands on a card instead of clear words: SHA-512-crypt of a password, the PSK of a Wi-Fi.

Python 3.13 has no `crypt` any more, and its successors wrap the C library, which a laptop may lack. The published
scheme (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", public domain) is a page of hashlib.
"""

import hashlib
import hmac
import re
import secrets

_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS = 100_000
"""Twenty times the scheme's default: a quarter of a second here, as much at each log-in of a Pi 4."""
_HASHES = (
    r"\$6\$(rounds=\d{4,9}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}",
    r"\$5\$(rounds=\d{4,9}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}",
    r"\$y\$[./0-9A-Za-z]{3,}\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}",
)
"""sha512-crypt, sha256-crypt and yescrypt: what Debian's PAM takes."""


def is_hash(text: str) -> bool:
    """Whether a text is a whole password hash."""
    return any(re.fullmatch(pattern, text) for pattern in _HASHES)


def looks_like_hash(text: str) -> bool:
    """Whether somebody meant it as one: a broken hash must not become a password."""
    return re.match(r"\$[0-9a-z]{1,4}\$", text) is not None


def password_hash(password: str, salt: str | None = None, rounds: int = ROUNDS) -> str:
    """`$6$rounds=…$salt$…` of a password. `salt`: up to 16 letters; absent: fresh ones."""
    salt = salt if salt is not None else "".join(secrets.choice(_LETTERS) for _ in range(16))
    salt = salt[:16]
    rounds = min(max(rounds, 1000), 999_999_999)
    digest = _digest(password.encode(), salt.encode(), rounds)
    return f"$6${'' if rounds == 5000 else f'rounds={rounds}$'}{salt}${_spelled(digest)}"


def _digest(key: bytes, salt: bytes, rounds: int) -> bytes:
    length = len(key)
    inner = hashlib.sha512(key + salt + key).digest()
    start = hashlib.sha512(key + salt + _stretched(inner, length))
    bits = length
    while bits:
        start.update(inner if bits & 1 else key)
        bits >>= 1
    digest = start.digest()
    p = _stretched(hashlib.sha512(key * length).digest(), length)
    s = _stretched(hashlib.sha512(salt * (16 + digest[0])).digest(), len(salt))
    for turn in range(rounds):
        mixed = hashlib.sha512(p if turn & 1 else digest)
        if turn % 3:
            mixed.update(s)
        if turn % 7:
            mixed.update(p)
        mixed.update(digest if turn & 1 else p)
        digest = mixed.digest()
    return digest


def _stretched(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _spelled(digest: bytes) -> str:
    """Three bytes make four letters; the scheme takes them 21 apart, turning."""
    text = []
    for place in range(21):
        first, second, third = (digest[(place + 21 * turn) % 63] for turn in range(3))
        trio = [(first, second, third), (second, third, first), (third, first, second)][place % 3]
        text.append(_letters((trio[0] << 16) | (trio[1] << 8) | trio[2], 4))
    return "".join(text) + _letters(digest[63], 2)


def _letters(value: int, count: int) -> str:
    return "".join(_LETTERS[(value >> (6 * place)) & 63] for place in range(count))


def fits(password: str, hashed: str) -> bool:
    """Whether a sha512-crypt hash is of that password."""
    found = re.fullmatch(r"\$6\$(?:rounds=(\d+)\$)?([^$]{1,16})\$.{86}", hashed)
    if found is None:
        return False
    return hmac.compare_digest(password_hash(password, found[2], int(found[1] or 5000)), hashed)


def wifi_key(ssid: str, password: str) -> str:
    """The PSK of WPA as 64 hexadecimal digits (IEEE 802.11, PBKDF2-SHA-1, 4096 turns); one that is it stays."""
    if is_wifi_key(password):
        return password.lower()
    return hashlib.pbkdf2_hmac("sha1", password.encode(), ssid.encode(), 4096, 32).hex()


def is_wifi_key(text: str) -> bool:
    """Whether a text is a ready PSK."""
    return re.fullmatch(r"[0-9A-Fa-f]{64}", text) is not None
