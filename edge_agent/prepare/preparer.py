"""Makes everything that a bulletin needs ready ahead of air, and keeps it so until it is released."""

from collections.abc import Callable
from pathlib import Path

from edge_agent.broadcast.item import Prepared, Stream
from edge_agent.contract.segments import ChimeName, Live, Relay, Segment
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore
from tts.client import VoiceWorker
from tts.manner import ORDINARY, Manner

Streams = Callable[[Relay | Live, Path | None], Stream]
"""Makes the stream of a segment; the path is the relay's prepared stand-in (48 kHz mono WAV), if it has one."""


def _nothing(_prepared: int, _needed: int) -> None:
    return


class Preparer:
    """`prepare` until `release`; chimes and the siren are there from the first start on."""

    def __init__(self, store: SoundStore, fetcher: Fetcher, voice: VoiceWorker, *, streams: Streams) -> None:
        """`voice` says texts and treats recordings in child processes; it must be open."""
        self._store = store
        self._fetcher = fetcher
        self._voice = voice
        self._streams = streams

    async def load(self) -> None:
        """Look through the disk: what was prepared before a power cut is known again. Before everything else."""
        raise NotImplementedError

    async def run(self) -> None:
        """Make the chimes that are missing, again and again until all are there; then wait. For a supervisor."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End what is being fetched; parts of files stay and are gone on with at the next start."""
        raise NotImplementedError

    async def prepare(
        self,
        owner: str,
        segments: tuple[Segment, ...],
        manner: Manner = ORDINARY,
        progress: Callable[[int, int], None] = _nothing,
        *,
        better: bool = False,
    ) -> Prepared:
        """Return the sounds of `segments` on the node's disk; they stay there until `release(owner)`.

        What was prepared before is ready at once, also after a restart, without network or worker. Other segments or
        another manner for the same owner replace what it had, once they are ready. `better`: where the node had to
        say a text itself, or with its second best voice, try again; what is ready stays when that fails.
        `manner` counts for texts; a text's own readings go before it. `progress(k, n)` hears how many of the segments
        are ready. May be cancelled; what is ready by then is not made again.

        Raises NotReady (a Refusal): the code of the cause, and which segment of how many. The causes: `media.*`,
        `audio.*`, `speech.*`.
        """
        raise NotImplementedError

    async def release(self, owner: str) -> None:
        """What `owner` had prepared may go when room is needed. An owner that is not known is nothing."""
        raise NotImplementedError

    def siren(self) -> Path:
        """The siren as a 48 kHz mono WAV; needs no worker. Raises Refusal `chime.not_ready` before it was ever made."""
        return self.chime("siren")

    def chime(self, name: ChimeName) -> Path:
        """A chime, as `siren`."""
        raise NotImplementedError
