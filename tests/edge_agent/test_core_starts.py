"""Starts in vain are counted, and lead to safe mode and out of it again."""

import asyncio
from pathlib import Path

from drivers.contract import Control
from edge_agent.broadcast.progress import Progress
from edge_agent.survival.pulse import Pulse
from edge_agent.survival.starts import Limits, SafeMode, Starts

HOUR = 3600.0


class Boot:
    """One boot of a node: each start reads the file anew."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "starts.json"
        self.now = 1000.0

    def start(self, mark: str = "a") -> Starts:
        return Starts(self.file, mark, Limits(), now=lambda: self.now)

    def fails(self, times: int, mark: str = "a", every_s: float = 10) -> list[SafeMode | None]:
        found = []
        for _ in range(times):
            starts = self.start(mark)
            found.append(starts.begin())
            starts.failed("ValueError: no\nmore")
            self.now += every_s
        return found


def test_five_in_vain_within_ten_minutes(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    assert boot.fails(5) == [None] * 5
    assert boot.start().begin() == SafeMode(since=1050, reason="ValueError: no more")


def test_slow_failures_and_lives_between_are_forgiven(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    assert boot.fails(8, every_s=151) == [None] * 8
    boot = Boot(tmp_path / "another")
    boot.fails(4)
    lived = boot.start()
    lived.begin()
    lived.lived()
    assert not boot.file.exists()
    assert boot.fails(5) == [None] * 5


def test_another_configuration_or_boot_begins_anew(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    boot.fails(5)
    assert boot.start("b").begin() is None
    boot.fails(6)
    assert boot.start().safe() is not None
    text = boot.file.read_text()
    boot.file.write_text(text.replace(text[text.index('"boot":"') + 8 :][:8], "otherone"))
    assert boot.start().begin() is None


def test_it_ends_by_itself_after_six_hours_and_by_hand(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    boot.fails(5)
    starts = boot.start()
    assert starts.begin() is not None and not starts.is_over()
    boot.now += 6 * HOUR - 1
    assert not starts.is_over()
    boot.now += 1
    assert starts.is_over() and boot.start().begin() is None
    boot.fails(5)
    starts = boot.start()
    assert starts.begin() is not None
    assert starts.leave() and starts.is_over() and not starts.leave()


def test_a_driver_that_kills_the_safe_core_is_left_out_and_at_last_all_are(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    boot.fails(5)
    starts = boot.start()
    starts.begin()
    starts.trying("relays")
    starts = boot.start()
    safe = starts.begin()
    assert safe is not None and safe.left_out == ("relays",) and not safe.bare
    starts.trying("meter")
    starts.trying(None)
    for _ in range(4):
        safe = boot.start().begin()
    assert safe is not None and safe.left_out == ("relays",) and safe.bare


def test_a_file_that_is_none_counts_for_nothing(tmp_path: Path) -> None:
    boot = Boot(tmp_path)
    boot.fails(5)
    boot.file.write_bytes(b"\x00\xff")
    assert boot.start().begin() is None
    unwritable = Starts(Path("/proc/none/starts.json"), "a", Limits())
    assert unwritable.begin() is None


def test_who_is_late_is_stuck_until_he_turns_again_or_rests() -> None:
    now = 0.0
    pulse = Pulse(lambda: now)
    pulse.turned("lines", 30)
    pulse.turned("link", 5)
    assert pulse.stuck() == ()
    now = 6
    assert pulse.stuck() == ("link",)
    pulse.turned("link", 5)
    assert pulse.stuck() == ()
    now = 60
    assert pulse.stuck() == ("lines", "link")
    pulse.rests("link")
    pulse.rests("lines")
    assert pulse.stuck() == ()


class Playing:
    """A driver's word on how far it is."""

    def set_volume(self, volume: float, ramp_s: float) -> None:
        pass

    def stop(self) -> None:
        pass

    def position_s(self) -> float:
        return 1.5


async def test_a_play_is_waited_for_as_long_as_it_lasts() -> None:
    told: list[tuple[str, float]] = []
    rested: list[str] = []
    control = Control()
    progress = Progress("audio/horn", lambda name, within: told.append((name, within)), rested.append)
    with progress.of(control, 3, 10):
        assert told == [("audio/horn", 73)]
        await asyncio.sleep(0)
        control.attach(Playing())
        while len(told) < 2:
            await asyncio.sleep(0.05)
    assert told[1] == ("audio/horn", 60) and rested == ["audio/horn"]
    with progress.of(control, 0, None):  # a stream of which the driver says nothing: nobody can tell
        assert len(told) == 2
