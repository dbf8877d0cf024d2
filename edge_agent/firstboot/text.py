"""Text files as people's laptops write them."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotText(ValueError):
    """No encoding that we know makes text of it."""


def decoded(content: bytes) -> str:
    """The text, with plain line ends and no byte order mark.

    UTF-8, or what Notepad also writes: UTF-16 with or without its mark.
    Raises NotText.
    """
    text = _unmarked(content).replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise NotText("it holds zero bytes")
    return text


def _unmarked(content: bytes) -> str:
    try:
        for mark, encoding in _MARKS:
            if content.startswith(mark):
                return content[len(mark) :].decode(encoding)
        half = content[:200]
        if len(half) >= 4 and half[1::2].count(0) > len(half) // 4:
            return content.decode("utf-16-le")
        if len(half) >= 4 and half[::2].count(0) > len(half) // 4:
            return content.decode("utf-16-be")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotText(str(error)) from error
