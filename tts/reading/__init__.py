"""Reading: text as officers write it -> the words to be said, with what was changed and what is unclear.

`Reader().read("Họp lúc 7h30").spoken`. Importing this package is light; rules and dictionaries load at first use.
"""

from tts.reading.model import Candidate, Question, Reading, Span
from tts.reading.reader import Reader
from tts.reading.settings import ReadingSettings, Region
from tts.reading.text import check_length, clean, passages

__all__ = [
    "Candidate",
    "Question",
    "Reader",
    "Reading",
    "ReadingSettings",
    "Region",
    "Span",
    "check_length",
    "clean",
    "passages",
]
