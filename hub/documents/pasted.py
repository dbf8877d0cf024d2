"""An official letter that was pasted as text: noticed by the same rules, so that its head and ending are not read."""

import re

from hub.documents.layout import parts
from hub.documents.model import Extract, Paragraph, Role

_LOOKS = re.compile(
    r"^\s*(?:CỘNG H(?:ÒA|OÀ) XÃ HỘI|Độc lập\s*[-–]\s*Tự do|Nơi nhận\b|TM\.|KT\.|TL\.|T/M|Số\s*:\s*\d+\s*/)",
    re.MULTILINE | re.IGNORECASE,
)
_SILENT = frozenset({Role.HEADER, Role.RECIPIENTS, Role.SIGNATURE})


def letter(text: str) -> Extract | None:
    """The letter that a text is, an extract as of a file; None where it does not look like one, or says nothing."""
    if not _LOOKS.search(text):
        return None
    lines = (line.strip() for line in text.splitlines())
    found = parts([Paragraph(line) for line in lines if line])
    roles = [part.role for part in found]
    is_letter = Role.BODY in roles and sum(role in _SILENT for role in roles) > 1
    return Extract("txt", found) if is_letter else None
