"""Writing the programme: FLAC, Opus or WAV by the name's ending, whole or not at all."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tts.audio import RATE
from tts.files import durable_replace, real_target
from tts.programme import sound

if TYPE_CHECKING:
    from av import AudioStream

    from tts.programme.sound import Samples

# Ending -> container, codec, bits a second. Opus at 64 kbit/s is transparent for speech over a horn.
KINDS = {
    ".flac": ("flac", "flac", None),
    ".opus": ("ogg", "libopus", 64_000),
    ".ogg": ("ogg", "libopus", 64_000),
    ".wav": ("wav", "pcm_s16le", None),
}


class OutputError(Exception):
    """The programme cannot be written under that name; the text says why, `why` and `params` as in `SpeechError`."""

    def __init__(self, detail: str, why: str, **params: str) -> None:
        super().__init__(detail, why, params)
        self.detail = detail
        self.why = why
        self.params = params

    def __str__(self) -> str:
        return self.detail


def check_name(out: Path) -> None:
    """Refuse a name before hours of work.

    Raises:
        OutputError: an ending that we do not write, or a folder that is not there.
        OSError: something that is no file has that name (`TargetError`).
    """
    if out.suffix.lower() not in KINDS:
        endings = ", ".join(KINDS)
        raise OutputError(
            f"{out.name}: the name must end in {endings}", "programme.ending", name=out.name, endings=endings
        )
    if not out.absolute().parent.is_dir():
        folder = str(out.absolute().parent)
        raise OutputError(f"there is no folder {folder}", "programme.folder", folder=folder)
    real_target(out)


def encode(out: Path, blocks: "Iterable[Samples]", title: str) -> None:
    """Write samples (48 kHz mono) to `out`; what was there stays until the new file is complete.

    Raises:
        OutputError: as `check_name`, or somebody else is writing the same file.
        OSError: the disk refused.
    """
    import av

    check_name(out)
    kind, codec, bits = KINDS[out.suffix.lower()]
    out = real_target(out)
    with _draft(out) as (file, path):
        with av.open(file, "w", format=kind) as container:
            container.metadata["title"] = title
            stream = cast("AudioStream", container.add_stream(codec, rate=RATE, layout="mono"))
            if bits:
                stream.bit_rate = bits
            at = 0
            for block in blocks:
                if not len(block):
                    continue
                frame = av.AudioFrame.from_ndarray(sound.integers(block).reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
                at += len(block)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        path.chmod(0o644)
        durable_replace(path, out)


@contextlib.contextmanager
def _draft(out: Path) -> "Iterator[tuple[IO[bytes], Path]]":
    """Open the file in the making, `.NAME.part` beside `out`; what a killed run left is written over."""
    path = out.with_name(f".{out.name}.part")
    with path.open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            detail = f"{out} is being written by another program"
            raise OutputError(detail, "programme.busy", file=str(out)) from None
        try:
            with path.open("r+b") as file:
                os.truncate(file.fileno(), 0)
                yield file, path
        finally:
            path.unlink(missing_ok=True)
