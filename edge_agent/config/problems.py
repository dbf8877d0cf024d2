"""One mistake in a configuration, and how it is told: where, what is wrong, what was probably meant."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.config.broadcast import END, TIME
from edge_agent.config.model import HUB_PATTERN, KEY_PATTERN
from edge_agent.config.switching import LINE_PATTERN
from edge_agent.config.yaml import Place
from edge_agent.contract import invalid
from edge_agent.contract.base import NAME_PATTERN
from edge_agent.words import figure, language, say

_SENTENCES = {
    "missing": "config.missing",
    "extra_forbidden": "config.unknown_key",
    "literal_error": "config.choice",
    "enum": "config.choice",
    "string_type": "config.text",
    "string_pattern_mismatch": "config.pattern",
    "int_type": "config.number",
    "int_parsing": "config.number",
    "float_type": "config.number",
    "float_parsing": "config.number",
    "finite_number": "config.number",
    "bool_type": "config.truth",
    "bool_parsing": "config.truth",
    "greater_than_equal": "config.too_small",
    "greater_than": "config.more_than",
    "less_than_equal": "config.too_large",
    "less_than": "config.less_than",
    "too_short": "config.empty",
    "string_too_short": "config.empty",
    "tuple_type": "config.list",
    "list_type": "config.list",
    "dict_type": "config.section",
    "model_type": "config.section",
    "model_attributes_type": "config.section",
    "union_tag_invalid": "config.choice",
    "union_tag_not_found": "config.missing",
    "int_from_float": "config.whole",
    "path_type": "config.text",
    "too_long": "config.too_long",
    "string_too_long": "config.too_long",
}
_LIMITS = ("ge", "gt", "le", "lt", "max_length")
_PATTERNS = {
    NAME_PATTERN: "config.name",
    LINE_PATTERN: "config.line",
    HUB_PATTERN: "config.hub_url",
    KEY_PATTERN: "config.public_key",
    TIME: "config.time",
    END: "config.time",
}


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """A mistake. `params` fill the sentence of `code`; `meant` is a guess or empty."""

    file: str
    place: Place
    path: str
    code: str
    params: Mapping[str, str | int | float]
    meant: str = ""

    def text(self) -> str:
        """The sentence, in the language of the terminal."""
        sentence = say(self.code, **self.params)
        return f"{sentence} {say('config.meant', guess=self.meant)}" if self.meant else sentence

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": self.file,
            "line": self.place.line,
            "column": self.place.column,
            "path": self.path,
            "code": self.code,
            "text": self.text(),
            "meant": self.meant or None,
        }


def guess(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def translate(error: Mapping[str, Any]) -> tuple[str, dict[str, str | int | float]]:
    """Code and parameters of a pydantic error."""
    context = error.get("ctx") or {}
    own = str(error["type"]).startswith("config.")  # a validator of ours names its sentence itself
    code = error["type"] if own else _SENTENCES.get(error["type"], "config.wrong")
    code = _PATTERNS.get(context.get("pattern", ""), code)
    params: dict[str, str | int | float] = {"detail": _detail(error, context)}
    for name, value in context.items():
        if isinstance(value, str | int | float):
            params[name] = value
    limit = next((context[name] for name in _LIMITS if name in context), "")
    params["limit"] = figure(limit) if isinstance(limit, float) and math.isfinite(limit) else limit
    params["expected"] = _choices(
        str(context.get("expected") or context.get("expected_tags") or context.get("pattern") or "")
    )
    return code, params


def _choices(expected: str) -> str:
    """Values without the quotes and the English "or" that pydantic lists them with."""
    return expected.replace("' or '", "', '").replace("', '", ", ").strip("'") if "'" in expected else expected


def _detail(error: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    reason = invalid.reason(str(error["type"]), context, str(error["msg"]))
    message = str(reason.get(f"detail_{language()}", reason["detail"]))
    return message[:1].lower() + message[1:]
