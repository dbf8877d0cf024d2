"""Why a message was not taken, in a person's words and as a status of HTTP."""

from edge_agent.contract.base import JsonObject
from edge_agent.contract.sentences import Language
from hub.cap.bringer import PER_HOUR, TooMany
from hub.cap.bringing import TooLarge
from hub.cap.parse import CapError
from hub.cap.reading import Problem
from hub.cap.signature import SignatureError
from hub.cap.xml import MAX_BYTES
from hub.forms import FormError
from hub.language import sentence as words_of
from hub.store import StoreFull

REFUSALS = (TooLarge, FormError, SignatureError, CapError, TooMany, StoreFull)
"""What `refusal` has words for."""


def refusal(error: Exception) -> tuple[tuple[Problem, ...], int]:
    """Everything that is wrong, and the status of the answer."""
    if isinstance(error, CapError):
        return error.problems, 422
    if isinstance(error, SignatureError):
        return (Problem(error.key, "", 0),), 422
    if isinstance(error, FormError):
        return (Problem(error.key, "", 0, {name: str(value) for name, value in error.params.items()}),), 400
    if isinstance(error, TooLarge):
        return (Problem("cap.xml_large", "", 0, {"limit": str(MAX_BYTES // 1000)}),), 413
    if isinstance(error, TooMany):
        return (Problem("cap.too_many", "", 0, {"limit": str(PER_HOUR)}),), 429
    return (Problem("cap.unwritten", "", 0),), 503


def sentence(problem: Problem, language: Language) -> str:
    """Place, mistake, and how to mend it."""
    words = words_of(language, problem.key, **problem.params)
    if not problem.path:
        return words
    return words_of(language, "cap.problem_at", path=problem.path, line=problem.line, words=words)


def as_json(problem: Problem) -> JsonObject:
    """The same for programs: a stable code, where, and both languages."""
    where = {"path": problem.path, "line": problem.line} if problem.path else {}
    return {"code": problem.key, **where, "vi": sentence(problem, "vi"), "en": sentence(problem, "en")}
