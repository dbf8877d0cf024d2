"""What a page is told of a live voice: how many clusters are ready, which speak, and why others do not."""

from collections.abc import Callable

from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.sentences import Language
from hub.air.voices import LiveVoice
from hub.language import sentence
from hub.node import Node
from hub.sentences import Speaker

ROWS = 60
"""Clusters that are named; those that need somebody first."""
_ORDER = ("bad", "away", "silent", "open", "ready", "speaking", "done")


class Told:
    """Speaks one language."""

    def __init__(self, language: Language, speaker: Callable[[Node], Speaker]) -> None:
        """`speaker`: speaks as people do where a node stands."""
        self._language = language
        self._speaker = speaker

    def nodes(self, voice: LiveVoice) -> dict[str, object]:
        """Sums, and a row for each cluster: title, state, words."""
        rows = [(node.title, *self._row(voice, node)) for node in voice.nodes]
        states = [state for _, state, _ in rows]
        rows.sort(key=lambda row: _ORDER.index(row[1]))
        ready = sum(state in ("ready", "speaking", "done") for state in states)
        return {"ready": ready, "speaking": states.count("speaking"), "all": len(rows), "rows": rows[:ROWS]}

    def ended(self, voice: LiveVoice, why: str) -> str:
        """How it ended, and how many have said all of it."""
        if why == "refused" and all(outcome.state == "unsent" for outcome in voice.outcomes.values()):
            return sentence(self._language, "mic.ended_unsent")
        done = sum(outcome.state == "done" for outcome in voice.outcomes.values())
        how = sentence(self._language, f"mic.ended_{why}")
        return f"{how} {sentence(self._language, 'mic.heard_at', done=done, all=len(voice.nodes))}"

    def _row(self, voice: LiveVoice, node: Node) -> tuple[str, str]:
        """By what the node itself says."""
        outcome, speak = voice.outcomes.get(node.address), self._speaker(node)
        state = outcome.state if outcome is not None else ""
        if state == "done":
            return "done", speak.t("mic.node_done")
        if outcome is not None and state in ("failed", "rejected"):
            return "bad", speak.fault(outcome.fault) or speak.t("mic.node_bad")
        if any(isinstance(s, SpeakerState) and s.playing == voice.session for s in node.states.values()):
            return "speaking", speak.t("mic.node_speaking")
        if state == "accepted":
            return "ready", speak.t("mic.node_ready")
        if not node.online:
            return "away", speak.t("mic.node_away")
        word = {"": "open", "unsent": "unsent"}.get(state, "silent")
        return ("silent" if outcome else "open"), speak.t(f"mic.node_{word}")
