"""Damaged sound files: the decoder says so, in time and within its memory, and never dies of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tts_stand_ins import encode, tone

# In a process of its own, where a crash of the library is seen as one. 2 GB of address space beyond what it has.
_FUZZ = """
import faulthandler, io, random, resource, sys
from pathlib import Path
from tts import audio
from tts.decode import Decoder
from tts.errors import AudioError

faulthandler.enable()
data, count = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
chance = random.Random(sys.argv[1].rpartition("/")[2])
total = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (total + 2_000_000_000,) * 2)


def mutated():
    bad = bytearray(data)
    reach = 200 if chance.random() < 0.5 else len(bad)  # half of them hit the header
    for _ in range(chance.choice((1, 3, 20))):
        at = chance.randrange(min(reach, len(bad)))
        how = chance.randrange(5)
        if how == 0:
            bad[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            bad[at : at + 4] = chance.choice((b"\\xff" * 4, bytes(4), b"\\x7f\\xff\\xff\\xff"))
        elif how == 2:
            del bad[at : at + chance.randrange(1, 400)]
        elif how == 3:
            bad[at:at] = bad[: chance.randrange(1, 400)]
        else:
            bad[at : at + 16] = chance.randbytes(16)
        if len(bad) < 16:
            break
    return bytes(bad)


refused = 0
for _ in range(count):
    bad = mutated()
    for attempt in (lambda: audio.speech(bad, 3), lambda: sum(map(len, Decoder(io.BytesIO(bad), 60).blocks()))):
        try:
            attempt()
        except AudioError:
            refused += 1
print(refused)
"""

FILES = {
    "a.wav": ("pcm_s16le", 16_000),
    "b.wav": ("pcm_s24le", 48_000),
    "a.mp3": ("libmp3lame", 24_000),
    "a.flac": ("flac", 24_000),
    "a.ogg": ("libopus", 48_000),
    "a.m4a": ("aac", 24_000),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_decoded_or_refused(tmp_path: Path, name: str) -> None:
    codec, rate = FILES[name]
    encode(tmp_path / name, tone(1, rate), rate, codec)
    ended = subprocess.run(
        [sys.executable, "-c", _FUZZ, tmp_path / name, "250"], check=False, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert int(ended.stdout) > 100
