"""The page's words: hub/text/vi.json and en.json, and which of the two a visitor gets."""

import json
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import resources
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response

from edge_agent.contract.sentences import Language

COOKIE = "lang"
_YEAR_S = 365 * 24 * 3600
Translate = Callable[..., str]
"""`t("key", name=value)`."""


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Key -> text with `{names}` to fill in."""
    text = resources.files("hub").joinpath(f"text/{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


def sentence(language: Language, key: str, /, **params: object) -> str:
    """One text with its names filled in. Raises KeyError for a key that no catalogue has."""
    return catalogue(language)[key].format_map(_Blank(params))


@cache
def translator(language: Language) -> Translate:
    """`sentence` with the language chosen."""

    def translate(key: str, /, **params: object) -> str:
        return sentence(language, key, **params)

    return translate


def known(text: str | None) -> Language | None:
    """The language of this code, if we speak it."""
    match text:
        case "vi":
            return "vi"
        case "en":
            return "en"
        case _:
            return None


def choose(asked: str | None, cookie: str | None, default: Language) -> Language:
    """What was asked for, else what was chosen before, else the hub's language.

    What the browser prefers does not count: many phones of Vietnamese readers were never switched from English.
    """
    return known(asked) or known(cookie) or default


def switched(query: QueryParams, language: Language) -> str:
    """The query of the same page in the other language."""
    kept = {name: value for name, value in query.items() if name != "lang"}
    return urlencode({**kept, "lang": "en" if language == "vi" else "vi"})


def remember(answer: Response, query: QueryParams) -> Response:
    """Keep the language that was asked for in the address."""
    if chosen := known(query.get("lang")):
        answer.set_cookie(COOKIE, chosen, max_age=_YEAR_S, httponly=True, samesite="lax")
    return answer


def sort_key(text: str) -> tuple[str, str]:
    """Orders names as Vietnamese readers expect: by letters first, `đ` right after `d`, then by marks."""
    plain = text.casefold().replace("đ", "d\uffff")
    letters = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    return letters, plain
