"""A cluster as it stands on `/air`: what it plays, what comes next, whether it is ready, and what was heard."""

from dataclasses import dataclass, replace
from typing import Literal

from edge_agent.contract.capabilities import Capability
from edge_agent.contract.reports import BulletinState, DriverState, SpeakerState
from hub.air.onair import SpeakerView, speaker_view
from hub.aired.rows import Row
from hub.ledger import Account
from hub.node import Node
from hub.sentences import Speaker
from hub.titles import titled
from hub.views import presence

SPEAKERS = 8
"""Of one node on this page."""


@dataclass(frozen=True)
class ClusterView:
    """One node with loudspeakers. `why`: what hinders it; `proof`: of what it aired last; `may`: rights of who asks."""

    key: str
    path: str
    address: str
    title: str
    area: str
    state: str
    word: str
    speakers: tuple[SpeakerView, ...]
    next_title: str
    next_word: str
    next_good: bool
    why: tuple[str, ...]
    proof: Literal["heard", "unheard", "unknown", "missed", "none"]
    proof_words: str
    may: frozenset[str]

    @property
    def ready(self) -> bool:
        """Whether it could speak now."""
        return not self.why


def cluster(
    node: Node, account: Account | None, last: Row | None, speak: Speaker, may: frozenset[str] = frozenset()
) -> ClusterView:
    """As it is now. `last`: what it aired last; `may`: rights of who looks."""
    state, word = presence(node, speak)
    speakers = tuple(speaker_view(thing, node, account, speak) for thing in _speakers(node)[:SPEAKERS])
    coming, why = _next(node, speak), _why(node, word, speak)
    proof, proof_words = _proof(last, speak)
    speakers = tuple(_once(speaker, proof, why, speak) for speaker in speakers)
    return ClusterView(
        key=node.key,
        path=f"/nodes/{node.address}",
        address=node.address,
        title=node.title,
        area=(node.about.zone or "") if node.about else "",
        state=state,
        word=word,
        speakers=speakers,
        next_title=titled(coming.title, speak.t) if coming else "",
        next_word=speak.bulletin(coming) if coming else "",
        next_good=coming is not None and coming.actual == "ready" and coming.fault is None,
        why=why,
        proof=proof,
        proof_words=proof_words,
        may=may,
    )


def _once(speaker: SpeakerView, proof: str, why: tuple[str, ...], speak: Speaker) -> SpeakerView:
    """Without what the card says already: why it is not ready, and what was heard of the last airing.

    That it heard an earlier one would contradict a proof that does not know.
    """
    said = {speak.t("speaker.heard")} if proof != "none" else set()
    said |= {speak.t("speaker.not_heard")} if proof == "unheard" or speaker.trouble in why else set()
    facts = tuple(fact for fact in speaker.facts if fact[0] not in said)
    return replace(speaker, facts=facts, trouble="" if speaker.trouble in why else speaker.trouble)


def _speakers(node: Node) -> list[Capability]:
    if node.about is not None:
        return [thing for thing in node.about.capabilities if thing.kind == "speaker"]
    ids = [id_ for kind, id_ in node.states if kind == "speaker"]
    return [Capability.model_validate({"id": id_, "kind": "speaker", "name": id_}) for id_ in ids]


def _next(node: Node, speak: Speaker) -> BulletinState | None:
    """What is on air next."""
    coming = [
        (state.next, state.id, state)
        for state in node.states.values()
        if isinstance(state, BulletinState) and state.next is not None and state.next > speak.now
    ]
    return min(coming, key=lambda each: each[:2])[2] if coming else None


def _why(node: Node, word: str, speak: Speaker) -> tuple[str, ...]:
    """Why it could not speak now; nothing where it could."""
    if not node.online:
        return (word,)
    found = [speak.fault(node.status.fault)] if node.status and node.status.fault else []
    for state in node.states.values():
        if isinstance(state, SpeakerState | DriverState) and state.fault is not None:
            found.append(speak.fault(state.fault))
    if node.status and node.status.clock and not node.status.clock.trusted:
        found.append(speak.t("air.clock"))
    return tuple(dict.fromkeys(found))[:4]


def _proof(last: Row | None, speak: Speaker) -> tuple[Literal["heard", "unheard", "unknown", "missed", "none"], str]:
    """Whether what was aired last was heard: by the microphone, as far as there is one."""
    if last is None:
        return "none", speak.t("air.proof_none")
    title, at = titled(last.airing.title, speak.t)[:120], speak.moment(last.at)
    if last.airing.state == "missed":
        return "missed", speak.t("air.proof_missed", title=title, at=at)
    kind: Literal["heard", "unheard", "unknown"] = "unknown"
    if last.heard is not None:
        kind = "heard" if last.heard else "unheard"
    return kind, speak.t(f"air.proof_{kind}", title=title, at=at)
