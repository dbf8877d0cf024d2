"""What became of words at a cluster: as its as-aired log tells it, and until that has come, as it answered."""

from dataclasses import dataclass

from pydantic import ValidationError

from edge_agent.contract.airings import Airing
from edge_agent.contract.sentences import spelled
from hub.aired.rows import Row
from hub.commands import Outcome
from hub.sentences import Speaker, why

FATES = (
    *("missed", "failed", "rejected", "silent", "unsent", "away", "stopped", "partly", "unheard", "lost"),
    *("open", "accepted", "unknown", "heard", "done"),
)
"""The gravest first. `unknown`: aired, and nobody listened; `lost`: it took the words, and never said more."""
LEFT = ("missed", "failed", "rejected", "silent", "unsent", "away")
"""Of those that could be asked once more. Not where somebody stopped it, nor where some of it was heard."""
DONE = ("heard", "unheard", "unknown", "done")
"""To the end."""
STOPPED = "speaker.stopped"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it, and a sentence of it."""

    fate: str
    words: str


def told(state: str, outcome: Outcome | None, row: Row | None, speak: Speaker, *, over: bool) -> Told:
    """Of one cluster. `state`: as its round has it; `row`: of the as-aired log; `over`: no answer is waited for."""
    airing = row.airing if row is not None else _answered(outcome)
    if airing is not None:
        return _aired(airing, row.heard if row is not None else airing.heard, speak)
    if outcome is not None and outcome.fault is not None and outcome.fault.code == STOPPED:
        return Told("stopped", speak.t("air.answer_partly", why=speak.fault(outcome.fault)))
    if state == "done":
        return Told("unknown", speak.t("air.answer_unknown"))
    if state == "accepted" and over:
        return Told("lost", speak.t("air.answer_lost"))
    return answered(state, outcome, speak)


def answered(state: str, outcome: Outcome | None, speak: Speaker) -> Told:
    """What a node answered, of what needs no proof."""
    words = speak.fault(outcome.fault) if outcome is not None and state in ("failed", "rejected") else ""
    return Told(state, words or speak.t(f"air.answer_{state}"))


def _aired(airing: Airing, heard: bool | None, speak: Speaker) -> Told:
    if airing.state == "aired":
        fate = "unknown" if heard is None else "heard" if heard else "unheard"
        return Told(fate, speak.t(f"air.answer_{fate}"))
    reason = why(airing.code, airing.params, airing.reason, speak.language)
    words = speak.t(f"air.answer_{airing.state}", why=spelled(reason, speak.moment)).strip()
    return Told("stopped" if airing.code == STOPPED else airing.state, words)


def _answered(outcome: Outcome | None) -> Airing | None:
    """The airing in the answer of a node that has said all of it."""
    if outcome is None or outcome.state != "done":
        return None
    try:
        return Airing.model_validate(outcome.result)
    except ValidationError:
        return None
