"""The page of the first five minutes: each picture is on it, small enough, and its words are words of the console."""

import json
import re

from docs_rig import DOCS
from PIL import Image

from bench.rig import REPO

GUIDE = DOCS / "guide"
PAGE = (GUIDE / "README.md").read_text(encoding="utf-8")


def test_the_page_shows_every_picture_in_its_order() -> None:
    pictures = sorted(path.name for path in GUIDE.glob("*.png"))
    assert len(pictures) >= 10
    assert re.findall(r"\((\d\d-[\w-]+\.png)\)", PAGE) == pictures


def test_pictures_are_of_a_phone_and_small() -> None:
    for path in GUIDE.glob("*.png"):
        assert path.stat().st_size < 60_000, path.name
        with Image.open(path) as picture:
            assert picture.size == (360, 640), path.name


def test_quoted_words_are_on_the_console() -> None:
    words = json.loads((REPO / "hub" / "text" / "vi.json").read_text(encoding="utf-8")).values()
    known = {re.split(r"[:{]", sentence)[0].strip() for sentence in words}
    for quoted in set(re.findall("“([^”…]+)”", PAGE)) - {"Thôn Tây"}:
        assert quoted in known, quoted
