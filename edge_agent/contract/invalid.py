"""What is wrong with a value, in both languages: the errors of pydantic and the codes of our own validators."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import NAME_PATTERN
from edge_agent.contract.sentences import sentence, sentences

_CODES = {
    "missing": "invalid.missing",
    "union_tag_not_found": "invalid.missing",
    "extra_forbidden": "invalid.unknown",
    "literal_error": "invalid.choice",
    "enum": "invalid.choice",
    "union_tag_invalid": "invalid.choice",
    "string_type": "invalid.text",
    "string_pattern_mismatch": "invalid.pattern",
    "int_type": "invalid.number",
    "int_parsing": "invalid.number",
    "int_from_float": "invalid.whole",
    "float_type": "invalid.number",
    "float_parsing": "invalid.number",
    "finite_number": "invalid.number",
    "bool_type": "invalid.truth",
    "bool_parsing": "invalid.truth",
    "greater_than_equal": "invalid.small",
    "greater_than": "invalid.small",
    "less_than_equal": "invalid.large",
    "less_than": "invalid.large",
    "too_short": "invalid.few",
    "string_too_short": "invalid.few",
    "too_long": "invalid.too_long",
    "string_too_long": "invalid.too_long",
    "tuple_type": "invalid.list",
    "list_type": "invalid.list",
    "dict_type": "invalid.section",
    "model_type": "invalid.section",
    "model_attributes_type": "invalid.section",
    "datetime_type": "invalid.time",
    "datetime_parsing": "invalid.time",
    "datetime_from_date_parsing": "invalid.time",
    "datetime_object_invalid": "invalid.time",
    "timezone_naive": "invalid.offset",
}
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")
Reason = dict[str, str | int | float]
"""`detail` in English, `detail_vi` in Vietnamese, and `why`, the code, where there is one: fills `Fault.of`."""


def first(error: ValidationError) -> Reason:
    """`where` the first mistake is, and its reason."""
    found = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in found["loc"]) or "-"
    return {"where": where, **reason(found["type"], found.get("ctx") or {}, found["msg"])}


def reason_of(error: ValueError) -> Reason:
    """Of what a check of ours raised."""
    if isinstance(error, PydanticCustomError):
        return reason(error.type, error.context or {}, error.message())
    return reason("", {}, str(error))


def reason(kind: str, context: Mapping[str, Any], message: str) -> Reason:
    """Of an error of pydantic by its type; `message`, which is English, where the type is not known here."""
    known = sentences("en")
    code = kind if kind.startswith("invalid.") and kind in known else _CODES.get(kind, "")
    if context.get("pattern") == NAME_PATTERN:
        code = "invalid.name"
    if not code:
        return {"detail": message.removeprefix("Value error, ")[:300]}
    filled = {**context, "limit": next((context[name] for name in _LIMITS if name in context), "")}
    filled["expected"] = context.get("expected") or context.get("expected_tags") or ""
    return {"why": code, "detail": sentence(code, "en", filled)[:300], "detail_vi": sentence(code, "vi", filled)[:300]}
