"""Why a value of the configuration is refused, in Vietnamese, with what to write instead; validators speak English.

Our own sentences stand in the catalogue in both languages, and the English one is found by its words: so what nodes
and voices check needs to know nothing of the hub's languages. What pydantic itself says is told by its kind.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from edge_agent.contract.base import NAME_PATTERN
from hub.bulletins.settings import END, TIME
from hub.language import catalogue, sentence

_OURS = "refused.said_"
_KINDS = {
    "int_parsing": "integer",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_parsing": "number",
    "float_type": "number",
    "finite_number": "number",
    "bool_parsing": "truth",
    "bool_type": "truth",
    "string_type": "text",
    "greater_than_equal": "at_least",
    "greater_than": "more_than",
    "less_than_equal": "at_most",
    "less_than": "less_than",
    "string_too_short": "short",
    "string_too_long": "long",
    "too_short": "few",
    "too_long": "many",
    "literal_error": "one_of",
    "enum": "one_of",
    "union_tag_invalid": "kind",
    "union_tag_not_found": "kind_missing",
    "tuple_type": "list",
    "list_type": "list",
    "set_type": "list",
    "model_type": "keys",
    "model_attributes_type": "keys",
    "dict_type": "keys",
    "dataclass_type": "keys",
    "path_type": "path",
    "ip_any_address": "ip",
    "time_parsing": "clock",
    "time_type": "clock",
}
"""Kinds of errors of pydantic, and the ends of the keys of their sentences `refused.…`."""
_PATTERNS = {TIME: "clock", END: "clock", NAME_PATTERN: "name"}


def why(error: Mapping[str, Any]) -> str:
    """The Vietnamese sentence of an error, as pydantic's `errors()` gives it; a general one where there is none."""
    kind, filled = str(error["type"]), dict(error.get("ctx") or {})
    if kind == "value_error":
        return said(str(error["msg"]).removeprefix("Value error, ")) or sentence("vi", "check.wrong")
    if kind == "string_pattern_mismatch":
        return sentence("vi", f"refused.{_PATTERNS.get(filled.get('pattern', ''), 'form')}")
    if kind in ("literal_error", "enum"):
        filled["expected"] = str(filled.get("expected", "")).replace(" or ", ", ")
    return sentence("vi", f"refused.{_KINDS[kind]}", **filled) if kind in _KINDS else sentence("vi", "check.wrong")


def said(english: str) -> str:
    """One of our own sentences in Vietnamese; empty where it is not known."""
    for pattern, key in _ours():
        if found := pattern.fullmatch(english):
            return sentence("vi", key, **found.groupdict())
    return ""


@cache
def _ours() -> list[tuple[re.Pattern[str], str]]:
    """How each English sentence looks when it is filled. The plainest first: another may begin with the same words."""
    keys = [key for key in catalogue("en") if key.startswith(_OURS)]
    texts = sorted((catalogue("en")[key], key) for key in keys)
    return [(re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(text))), key) for text, key in texts]
