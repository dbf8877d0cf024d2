"""The disaster risk level of an alert, 1 to 5 as in Decision 18/2021/QD-TTg of the Prime Minister of Viet Nam.

The law sets levels by kind of disaster (rain in mm, wind in Beaufort, ...); CAP knows only a severity. So the sender's
own word counts first. Without it the severity is mapped by `cap.levels`: that mapping is this project's, not the law's,
and never gives level 5, which is declared by the state.
"""

import re

from hub.cap.message import Info
from hub.cap.settings import CapSettings

_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}
_STATED = re.compile(r"(?:cấp(?: độ)?|level|độ)?\s*([1-5]|i{1,3}|iv|v)", re.IGNORECASE)


def stated(info: Info, settings: CapSettings) -> int:
    """The level that the sender gives as a parameter; the highest of several, 0 where there is none."""
    names = {name.casefold() for name in settings.level_names}
    found = (_STATED.fullmatch(p.value.strip()) for p in info.parameters if p.name.casefold() in names)
    return max((_number(match[1]) for match in found if match), default=0)


def level_of(info: Info, settings: CapSettings) -> int:
    """The level of what is told: as stated, else by its severity; 0 where nobody knows."""
    return stated(info, settings) or settings.levels.of(info.severity)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _ROMAN[text.casefold()]
