"""What a code means where nothing is known of what fills its sentence: in logs and sums of many."""

import re

from edge_agent.contract.sentences import Language, sentences

_DETAIL = re.compile(r"\s*(:\s*[“\"]?\{\w+\}[”\"]?|\(\{\w+\}\))")
_FILLED = re.compile(r"\{\w+\}")


def meaning(code: str, language: Language) -> str | None:
    """The first sentence of a code of the nodes, with … for what is not known; None for no such code."""
    template = sentences(language).get(code)
    if template is None:
        return None
    first = _DETAIL.sub("", template).strip().partition(". ")[0]
    return _FILLED.sub("…", first).rstrip(".: ")
