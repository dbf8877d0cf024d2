"""The sentences of stable codes in Vietnamese and in English (`text/vi.json`, `text/en.json`)."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["vi", "en"]
_ISO = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d|Z)(?!\d)", re.ASCII)


@cache
def sentences(language: Language) -> dict[str, str]:
    """Code -> sentence, with `{names}` to fill in."""
    text = resources.files("edge_agent.contract").joinpath(f"text/{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


def sentence(code: str, language: Language, params: dict[str, object] | None = None) -> str:
    """What a code says to a person; code and detail where no sentence is known (a newer node, a foreign driver).

    Of the params, `detail_vi` is the detail in Vietnamese where somebody knew it, and `kind` is named in words.
    """
    known, filled = sentences(language), dict(params or {})
    if language == "vi" and "detail_vi" in filled:
        filled["detail"] = filled["detail_vi"]
    if "kind" in filled:
        filled["kind"] = known.get(f"kind.{filled['kind']}", filled["kind"])
    template = known.get(code)
    if template is not None:
        return template.format_map(_Blank(filled))
    detail = filled.get("detail")
    return f"{code}: {detail}" if detail else code


def spelled(text: str, moment: Callable[[datetime], str]) -> str:
    """A sentence with its ISO 8601 instants, as they travel, told as people tell them."""

    def told(found: re.Match[str]) -> str:
        try:
            return moment(datetime.fromisoformat(found[0]))
        except (ValueError, OverflowError):
            return found[0]

    return _ISO.sub(told, text)
