"""Writes down what people had nodes do, and what became of it, wherever in the hub it was asked."""

from collections import Counter
from collections.abc import Mapping

from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import Args
from hub.commands import Outcome
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.rights import NOBODY

QUIET = frozenset(
    {"outbox.resend", "outbox.confirm", "state.report", "camera.watch", "camera.recordings", "camera.snapshot"}
)
"""What pages ask for by themselves. Who looks through a camera is written down where it is shown."""
_NAMES = ("thing", "rule", "camera", "speaker", "title", "text", "bulletin", "item")


class Asked:
    """Told of each outcome by `Commands`; of what the hub asks by itself nothing is written."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def one(self, address: str, args: Args, outcome: Outcome) -> None:
        """A command to one node. `silent` and the like stand as outcome, or the code of the fault."""
        if args.do in QUIET or person() is NOBODY:
            return
        self._audit.afterwards(f"node.{args.do}", address, _what(args), _word(outcome))

    def many(self, commune: str, args: Args, outcomes: Mapping[str, Outcome]) -> None:
        """A command to many nodes of a commune: `done`, or how many were."""
        if args.do in QUIET or person() is NOBODY:
            return
        words = Counter(_word(outcome) for outcome in outcomes.values())
        said = "done" if set(words) <= {"done"} else ", ".join(f"{n} {word}" for word, n in words.most_common(5))
        self._audit.afterwards(f"node.{args.do}", commune, _what(args), said)


def _what(args: Args) -> str:
    named = (_called(getattr(args, name)) for name in _NAMES if getattr(args, name, None))
    level = getattr(args, "level", None)
    return next(named, "")[:200] + ("" if level is None else f" {level:g}")


def _called(value: object) -> str:
    return value.title if isinstance(value, Bulletin) else str(value)


def _word(outcome: Outcome) -> str:
    if outcome.state in ("done", "accepted"):
        return "done"
    return outcome.fault.code if outcome.fault else outcome.state
