"""Listens to the node's loudspeakers: while they play, between bulletins, and when they are tested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.contract import Microphone
from edge_agent.clock import Clock
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault
from edge_agent.proof.model import Heard, Played, TestReport
from edge_agent.recorder import Recorder

if TYPE_CHECKING:
    from edge_agent.proof.client import ProofWorker

PlayTest = Callable[[str, Path], Awaitable[None]]
"""Plays a file on a speaker when its turn has come, amplifier on before; returns when it has ended. No begin/end."""


class Listener:
    """The ears of the node. A speaker without a microphone is left alone: every call about it does nothing."""

    def __init__(  # noqa: PLR0913 - time, disk and drivers meet here
        self,
        speakers: Sequence[Speaker],
        clock: Clock,
        recorder: Recorder,
        folder: Path,
        worker: ProofWorker,
        *,
        microphone: Callable[[str], Microphone | None],
        play: PlayTest,
        on_heard: Callable[[str, Heard], None] = lambda _item, _heard: None,
        on_fault: Callable[[str, Fault | None], None] = lambda _speaker, _fault: None,
    ) -> None:
        """`folder` holds recordings and calibrations; `microphone` gives an open driver; `on_heard` gets the item id.

        `on_fault` gets what is wrong with a speaker as it is heard (None: nothing), for its state.
        """
        raise NotImplementedError

    def listens_to(self, speaker_id: str) -> bool:
        """Whether that speaker has a microphone in the configuration."""
        raise NotImplementedError

    async def begin(self, speaker_id: str, item_id: str) -> None:
        """The first sample of an airing is due now. Returns at once; ends what the idle watch records."""
        raise NotImplementedError

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        """The airing is over: match what was recorded with what was played, from `skip_s` on, in the background.

        Returns at once. The result goes to `on_heard(item_id, heard)`, within a minute or never: where there was
        nothing to compare (no microphone, too short), nobody is told that it was not heard.
        """
        raise NotImplementedError

    async def test(self, speaker_id: str, *, calibrate: bool = False) -> TestReport:
        """Play a short sweep at low volume and compare it with the calibration; `calibrate` stores it as such.

        Raises Refusal `speaker.no_microphone`, `proof.failed`, and what the play or the microphone raises.
        """
        raise NotImplementedError

    def ambient_dbfs(self, speaker_id: str) -> float | None:
        """Noise level that the microphone heard last while nothing played (dBFS, A-weighted), None if not yet known."""
        raise NotImplementedError

    async def run(self) -> None:
        """Watch the idle speakers and do the daily self-tests, for ever."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End recordings and matching that are under way."""
        raise NotImplementedError
