"""`edge-agent say` as a person waits for it: the whole command, from start to the sound in its file."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 8
TEXT = "Kính mời bà con thôn {count} đến nhà văn hóa lúc 7h30 ngày 25/11 để tiêm phòng cho đàn gia súc."


def main() -> None:
    """Print the median and the worst of new texts, of the same ones again, and of Python's own start."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        out = Path(folder, "out.wav")
        texts = [TEXT.format(count=count) for count in range(1, ROUNDS + 1)]
        say = [sys.executable, "-m", "edge_agent", "say", "--offline", "--out", str(out)]
        _time([*say, "Xin chào."], env)  # the disk's cache is warm, as it is on a node that has spoken before
        print(f"edge-agent say, whole command, {ROUNDS} texts of one sentence      median ms  worst ms")
        _row(
            "Python starts and imports click and nothing else",
            [_time([sys.executable, "-c", "import click"], env) for _ in texts],
        )
        _row(
            "text never seen, espeak-ng                        target 1000",
            [_time([*say, text], env) for text in texts],
        )
        _row(
            "the same, from the cache                           target 150",
            [_time([*say, text], env) for text in texts],
        )
        noisy = [*say, "--noise", "street"]
        _row("enhanced for a horn, from cached sentences", [_time([*noisy, text], env) for text in texts])


def _time(argv: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, env=env, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


def _row(name: str, values: list[float]) -> None:
    print(f"{name:64s} {statistics.median(values):9.0f} {max(values):9.0f}")


if __name__ == "__main__":
    main()
