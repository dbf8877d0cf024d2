"""Reading beside the library sea-g2p alone: microseconds a sentence, on the same sentences in the same run."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sea_g2p import Normalizer

from bench.rig import percentile
from tts.reading import Reader

ROUNDS = int(os.environ.get("ROUNDS", "200"))
CASES = Path(__file__).resolve().parent.parent / "tests" / "tts" / "reading_cases.tsv"
LONG = (
    "Ủy ban nhân dân xã thông báo: từ 7h30-11h30 ngày 12/7/2026, tại nhà văn hóa thôn 3, trạm y tế xã tổ chức "
    "tiêm chủng mở rộng cho trẻ em dưới 5 tuổi, đề nghị các gia đình mang theo sổ tiêm chủng và đến đúng giờ quy "
    "định, xin trân trọng thông báo."
)


def microseconds(read: Callable[[str], object], sentences: Sequence[str]) -> float:
    """The median over rounds of the mean time of one sentence."""
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for sentence in sentences:
            read(sentence)
        times.append((time.perf_counter() - began) / len(sentences) * 1e6)
    return percentile(times, 0.5)


def main() -> None:
    """Print the table."""
    lines = CASES.read_text(encoding="utf-8").splitlines()
    cases = [line.split("\t")[1] for line in lines if line and not line.startswith("#")]
    library, reader = Normalizer(), Reader()
    print("Reading, microseconds a sentence (median of rounds)")
    print(f"{'sentences':28} {'sea-g2p alone':>14} {'ours':>8} {'ours / library':>15}")
    for name, sentences in ((f"{len(cases)} of the tests", cases), (f"one of {len(LONG)} characters", [LONG])):
        alone = microseconds(library.normalize, sentences)
        ours = microseconds(reader.read, sentences)
        print(f"{name:28} {alone:14.0f} {ours:8.0f} {ours / alone:15.2f}")


if __name__ == "__main__":
    main()
