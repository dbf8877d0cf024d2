"""Reads small forms, and says in words what is wrong with them."""

import unicodedata
from urllib.parse import parse_qsl

from starlette.requests import Request

MAX_FORM = 192 * 1024
"""Bytes; the longest bulletin in percent-encoded UTF-8 fits, with the answers to what its reading asked."""
MAX_FIELDS = 200
MAX_SPOKEN = 5000
MAX_BULLETIN = 20_000
TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)))
"""Embedding, overriding and isolating of another direction of writing, and the mark of byte order."""

Fields = dict[str, str]


class FormError(Exception):
    """A form that cannot be used: the key of a sentence in hub/text, and what fills it."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


async def read(request: Request, most_fields: int = MAX_FIELDS) -> Fields:
    """The fields (NFC, without surrounding white space). Raises FormError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise FormError("form.too_large")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=most_fields, errors="strict")
    except ValueError as error:
        raise FormError("form.bad") from error
    return {name: clean(value) for name, value in pairs}


def clean(value: str) -> str:
    """A field as it is kept: NFC, one kind of line end, no control characters, no white space around.

    Without what turns the order of the letters round, too: it lets a title read otherwise than it is.
    """
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n")
    kept = (c for c in text if c in "\n\t" or not (c in TURNING or unicodedata.category(c) in ("Cc", "Cs")))
    return "".join(kept).strip()


def spoken(fields: Fields) -> str:
    """The sentence to speak. Raises FormError."""
    return text(fields, MAX_SPOKEN)


def text(fields: Fields, limit: int) -> str:
    """What was written, of at most so many characters. Raises FormError."""
    written = fields.get("text", "")
    if not written:
        raise FormError("form.empty")
    if len(written) > limit:
        raise FormError("form.too_long", limit=limit)
    return written
