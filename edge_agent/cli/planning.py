"""The errand of `edge-agent plan`: sounds to the hub, bulletins to the nodes, and what became of each."""

import asyncio
import getpass
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from edge_agent.cli.drafts import Draft
from edge_agent.client import Client
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import Ack
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import BulletinState
from edge_agent.contract.topics import EVERYBODY, NodeTopics, parse
from edge_agent.link.wire import Incoming
from edge_agent.media.local import LocalSound
from edge_agent.media.upload import MediaStore

_LIFE = timedelta(days=1)
"""So long does a bulletin wait at the broker for a node that is away."""
_SETTLE_S = 0.3
Bar = Callable[[LocalSound], AbstractContextManager[Callable[[int], None]]]


@dataclass(slots=True)
class Upload:
    """What became of a sound: `sent` now, or there already; or why not."""

    sound: LocalSound
    sent: bool = False
    fault: Fault | None = None


def upload(store: MediaStore, sounds: Iterable[LocalSound], bar: Bar) -> dict[str, Upload]:
    """Send what the hub does not have, one after the other; by SHA-256. A hub that is away is tried once."""
    done: dict[str, Upload] = {}
    away: Fault | None = None
    for sound in sounds:
        if sound.sha256 in done:
            continue
        result = done[sound.sha256] = Upload(sound, fault=away)
        if away is not None:
            continue
        try:
            if not store.has(sound.sha256):
                with bar(sound) as sent:
                    store.put_file(sound, sent)
                result.sent = True
        except Refusal as refusal:
            result.fault = refusal.fault
            away = refusal.fault if refusal.fault.code in ("media.unreachable", "media.no_token") else None
        except OSError as error:
            detail = f"{sound.path}: {error.strerror}"
            result.fault = Fault.of("media.unreachable", detail=detail)
    return done


@dataclass(slots=True)
class Answers:
    """What the nodes said to one bulletin; `fault`: it was not sent, and why. `silent`: who did not answer."""

    draft: Draft
    acks: dict[str, Ack] = field(default_factory=dict)
    states: dict[str, BulletinState] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    fault: Fault | None = None

    @property
    def taken(self) -> bool:
        """Whether each node that was asked has it on its calendar."""
        acked = bool(self.acks) and all(ack.state == "done" for ack in self.acks.values())
        return acked and not self.silent and self.fault is None

    def unready(self) -> list[str]:
        """The nodes that have it on their calendar and are still preparing it."""
        done = [node for node, ack in self.acks.items() if ack.state == "done"]
        return [node for node in done if node not in self.states or self.states[node].actual == "preparing"]


class Errand:
    """`async with` a client: asks each bulletin of each node, then waits until they are ready."""

    def __init__(self, client: Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._states: dict[tuple[str, str], BulletinState] = {}

    async def find(self, node: str) -> tuple[NodeTopics, set[str]]:
        """The address, and who is expected to answer. Raises Refusal `command.unknown_thing`."""
        topics = await self._client.find(node)
        asked = topics.node
        self._client.listen(
            [f"edge/{topics.commune}/{'+' if asked == EVERYBODY else asked}/state/bulletin/+"], self._hear
        )
        if asked != EVERYBODY:
            return topics, {asked}
        return topics, {each.node for each in await self._client.online(topics.commune)}

    async def plan(self, draft: Draft, bulletin: Bulletin, topics: NodeTopics, expected: set[str]) -> Answers:
        """Send one bulletin and gather the answers, for `timeout_s` at most."""
        told = Answers(draft)
        args = {"do": "bulletin.plan", "bulletin": bulletin.model_dump(mode="json", by_alias=True, exclude_none=True)}
        try:
            async with asyncio.timeout(self._timeout_s):
                _, answers = await self._client.ask(topics, args, getpass.getuser(), _LIFE)
                while not _all_answered(told.acks, expected):
                    ack = await anext(answers)
                    told.acks[ack.node] = ack
        except TimeoutError:
            told.silent = sorted(node for node in expected if not _answered(told.acks.get(node)))
        except Refusal as refusal:
            told.fault = refusal.fault
        if not expected:
            told.fault = Fault.of("command.unknown_node", id=topics.node)
        return told

    async def ready(self, all_told: list[Answers], wait_s: float) -> None:
        """Wait until all that was taken is ready on each node, for `wait_s` at most, and note how far it is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        await asyncio.sleep(min(_SETTLE_S, wait_s))  # the old state of a bulletin that was planned anew goes first
        while True:
            for told in all_told:
                told.states = {n: s for n in told.acks if (s := self._states.get((n, told.draft.id))) is not None}
            if loop.time() >= end or not any(told.unready() for told in all_told):
                return
            await asyncio.sleep(0.1)

    def _hear(self, message: Incoming) -> None:
        address = parse(message.topic)
        if address is None or "/state/bulletin/" not in message.topic:
            return
        try:
            state = BulletinState.model_validate_json(message.body)
        except ValidationError:
            return
        self._states[address.node, state.id] = state


def _answered(ack: Ack | None) -> bool:
    return ack is not None and ack.state != "accepted"


def _all_answered(acks: dict[str, Ack], expected: set[str]) -> bool:
    return all(_answered(acks.get(node)) for node in expected)


def nodes_json(told: Answers) -> list[dict[str, Any]]:
    """What each node said."""
    lines: list[dict[str, Any]] = []
    for node, ack in sorted(told.acks.items()):
        state = told.states.get(node) if ack.state == "done" else None
        lines.append(
            {"node": node, "answer": ack.state, "next": (ack.result or {}).get("next")}
            | {"fault": ack.fault and ack.fault.model_dump()}
            | {"state": state and state.model_dump(mode="json", by_alias=True, exclude_none=True)}
        )
    known = {line["node"] for line in lines}
    return lines + [{"node": node, "answer": None} for node in told.silent if node not in known]
