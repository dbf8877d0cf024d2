"""The agent's end of the listening process: numpy stays there. Importing this imports no numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from edge_agent.proof.model import Heard, Played, Response, Sounds, Take


class ProofWorker:
    """Asks `python -m edge_agent.proof.worker`, which is started when needed and ends when idle."""

    def __init__(self, *, idle_s: float = 30.0, limit_s: float = 60.0) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *exc: object) -> None:
        raise NotImplementedError

    async def heard(self, takes: Sequence[Take], played: Sequence[Played]) -> Heard:
        """Match recordings with what was played. Raises ProofError."""
        raise NotImplementedError

    async def sounds(self, recording: Path) -> Sounds:
        """Measure an idle speaker's recording. Raises ProofError."""
        raise NotImplementedError

    async def make_sweep(self, path: Path) -> None:
        """Write the test sound. Raises ProofError."""
        raise NotImplementedError

    async def response(self, recording: Path, sweep: Path) -> Response:
        """Measure a recorded sweep. Raises ProofError."""
        raise NotImplementedError
