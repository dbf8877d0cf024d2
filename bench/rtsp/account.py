"""What a loopback camera sent, held against what was recorded, picture by picture: by the numbers in the pictures.

A number (`packets.mark`) is also when its picture was sent, in nanoseconds since 1970.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from bench.rtsp.packets import marks_in

HOLE_S = 0.5
"""Time without a picture that counts as a hole."""
EDGE_S = 0.5
"""Around a disturbance: what is on its way when it begins, and how exactly its end is known."""


@dataclass(frozen=True)
class Disturbance:
    """What was done to a camera, in seconds since 1970."""

    camera: str
    kind: Literal["killed", "frozen", "throttled", "starved", "cut"]
    begin: float
    end: float


@dataclass
class Account:
    """One camera's balance. `wrong` says what must not be."""

    camera: str
    sent: int = 0
    recorded: int = 0
    lost: int = 0
    """Sent, and not in the recording."""
    worst_lost_s: float = 0
    """Most that a disturbance cost of what was sent."""
    worst_return_s: float = 0
    """Longest from the end of a disturbance to the next recorded picture."""
    wrong: list[str] = field(default_factory=list)


def sent_by(path: Path) -> list[int]:
    """The numbers of a `.served` file, sorted."""
    data = path.read_bytes()
    return sorted(int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data) - 7, 8))


def recorded_in(folder: Path) -> list[int]:
    """The numbers in all files of a camera, in the order of the files."""
    return [mark for file in sorted(folder.glob("*/*.mp4")) for mark in marks_in(file.read_bytes())]


def balance(
    camera: str, sent: list[int], recorded: list[int], done: list[Disturbance], allowed: dict[str, float]
) -> Account:
    """Hold them against one another. `allowed`: what a disturbance of a kind may cost beyond its own length.

    What was sent before the first recorded picture and after the last is not looked at: the pull began, the node ended.
    """
    account = Account(camera, len(sent), len(recorded))
    if not recorded:
        account.wrong.append("nothing was recorded")
        return account
    if len(set(recorded)) < len(recorded):
        account.wrong.append(f"{len(recorded) - len(set(recorded))} pictures were recorded twice")
    if recorded != sorted(recorded):
        account.wrong.append("pictures are not in the order in which they were sent")
    have = sorted(set(recorded))
    _lost(account, sent, have, done, allowed)
    _holes(account, [number / 1e9 for number in have], done, allowed)
    return account


def _lost(
    account: Account, sent: list[int], have: list[int], done: list[Disturbance], allowed: dict[str, float]
) -> None:
    """Each picture that was sent and is not there must lie in or right after a disturbance."""
    known = set(have)
    last = have[-1]
    missing = [number / 1e9 for number in sent if number not in known and have[0] < number < last]
    account.lost = len(missing)
    rate = len(sent) / max(1e-9, (sent[-1] - sent[0]) / 1e9)
    for one in done:
        inside = [at for at in missing if one.begin - EDGE_S <= at <= one.end + allowed[one.kind]]
        cost = len(inside) / rate
        account.worst_lost_s = max(account.worst_lost_s, cost)
        if cost > allowed[one.kind]:
            account.wrong.append(f"{one.kind} at {one.begin:.0f}: {cost:.1f} s were sent and not recorded")
        missing = [at for at in missing if at not in set(inside)]
    if missing:
        account.wrong.append(f"{len(missing)} pictures lost without a reason, the first at {missing[0]:.1f}")


def _holes(account: Account, have: list[float], done: list[Disturbance], allowed: dict[str, float]) -> None:
    """Each hole must begin within a disturbance and end soon after it."""
    for one in done:
        place = bisect_left(have, one.end)
        if place < len(have):
            account.worst_return_s = max(account.worst_return_s, have[place] - one.end)
    for before, after in pairwise(have):
        if after - before <= HOLE_S:
            continue
        causes = [one for one in done if one.begin - EDGE_S <= after and before <= one.end + allowed[one.kind]]
        if not causes:
            account.wrong.append(f"a hole of {after - before:.1f} s without a reason at {before:.1f}")
        elif after > max(one.end + allowed[one.kind] for one in causes):
            late = after - max(one.end for one in causes)
            account.wrong.append(f"{causes[-1].kind} at {causes[-1].begin:.0f}: recorded again {late:.1f} s after it")
