"""The chimes and the siren: made once, there from then on, without worker or network."""

import asyncio
import logging
import tempfile
from pathlib import Path
from typing import get_args

from edge_agent.backoff import Backoff
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import ChimeName
from edge_agent.media.store import SoundStore, disk_refusal
from edge_agent.prepare.plans import Plan, Plans
from edge_agent.prepare.workshop import Workshop
from tts.client import VoiceWorker
from tts.errors import AudioError, SpeechError

log = logging.getLogger(__name__)
OWNER = "@chimes"
_LOOK_EVERY_S = 3600.0
NAMES: tuple[str, ...] = tuple(sorted(get_args(ChimeName), key=lambda name: name != "siren"))
"""The siren comes first: it is what somebody may be waiting for."""


class Chimes:
    """All chimes of the contract, pinned in the store."""

    def __init__(self, store: SoundStore, plans: Plans, workshop: Workshop, voice: VoiceWorker) -> None:
        self._store = store
        self._plans = plans
        self._workshop = workshop
        self._voice = voice
        self._paths: dict[str, Path] = {}
        self._spare: tempfile.TemporaryDirectory[str] | None = None

    def load(self) -> None:
        """Find those that are there, also if the settings have changed since. Blocking."""
        plan = self._plans.get(OWNER)
        for name, kept in zip(NAMES, plan.segments if plan is not None else (), strict=False):
            path = self._store.named(kept.name) if kept.name is not None else None
            if path is not None:
                self._paths[name] = path
            else:
                self._paths.pop(name, None)

    def get(self, name: str) -> Path:
        """A chime, 48 kHz mono WAV. Raises Refusal `chime.not_ready` before it was ever made."""
        path = self._paths.get(name)
        if path is None:
            raise Refusal("chime.not_ready", name=name)
        return path

    async def run(self) -> None:
        """Make what is missing or was made with other settings, again and again; look after them once an hour."""
        backoff = Backoff(first=2.0, most=60.0)
        while True:
            try:
                if not self._complete():
                    await self._make()
                await asyncio.sleep(_LOOK_EVERY_S)
                await self._store.threads.run(self.load)
            except Refusal as refusal:
                log.warning("the chimes are not ready: %s", refusal)
                await self.make_in_memory()
                await asyncio.sleep(backoff.after(0.0))

    def _complete(self) -> bool:
        plan = self._plans.get(OWNER)
        return plan is not None and plan.maker == self._workshop.maker and len(self._paths) == len(NAMES)

    async def stop(self) -> None:
        """Remove what is only in memory."""
        if self._spare is not None:
            await asyncio.to_thread(self._spare.cleanup)

    async def _make(self) -> None:
        kept = []
        for name in NAMES:
            each = await self._workshop.chime(name, OWNER)
            kept.append(each)
            if (
                each.name is not None
                and (path := await self._store.threads.run(self._store.named, each.name)) is not None
            ):
                self._paths[name] = path
        plan = Plan(OWNER, "", self._workshop.maker, tuple(kept))
        try:
            await self._store.threads.run(self._plans.save, plan)
        except OSError as error:
            raise disk_refusal(error) from error
        self._store.pin_only(OWNER, plan.names)

    async def make_in_memory(self) -> None:
        """Where the disk refuses, a siren in a temporary folder is better than none."""
        try:
            if self._spare is None:
                self._spare = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="chimes-")
            for name in NAMES:
                if name not in self._paths:
                    path = Path(self._spare.name) / f"{name}.wav"
                    await self._voice.chime(name, path)
                    self._paths[name] = path
        except (OSError, SpeechError, AudioError) as error:
            log.warning("nor can they be kept elsewhere: %s", error)
