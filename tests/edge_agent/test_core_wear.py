"""What is written and how worn a card says it is, from folders as the kernel lays them out."""

import os
from pathlib import Path

from edge_agent.survival.wear import Wear, life_used, spare_is_low


def card(block: Path, life: str, spare: str = "0x01") -> None:
    device = block / "mmcblk0/device"
    device.mkdir(parents=True)
    (device / "life_time").write_text(life + "\n")
    (device / "pre_eol_info").write_text(spare + "\n")


def test_the_worse_of_a_cards_two_words_counts(tmp_path: Path) -> None:
    assert life_used(tmp_path) is None and not spare_is_low(tmp_path)
    card(tmp_path / "a", "0x01 0x03")
    assert life_used(tmp_path / "a") == 30 and not spare_is_low(tmp_path / "a")
    card(tmp_path / "b", "0x00 0x00", "0x02")
    assert life_used(tmp_path / "b") is None and spare_is_low(tmp_path / "b")
    card(tmp_path / "c", "nonsense", "")
    assert life_used(tmp_path / "c") is None and not spare_is_low(tmp_path / "c")


def test_a_day_is_reckoned_from_ten_minutes_on(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    disk = tmp_path / "dev/block" / f"{os.major(device)}:{os.minor(device)}"
    (disk / "device").mkdir(parents=True)
    (disk / "stat").write_text("1 0 8 0 5 0 2000 0 0 0 0\n")
    io = tmp_path / "io"
    io.write_text("wchar: 9\nwrite_bytes: 1000000\n")
    block = tmp_path / "block"
    block.mkdir()
    wear = Wear(tmp_path, 100.0, block=block, io=io)
    io.write_text("wchar: 9\nwrite_bytes: 3000000\n")
    (disk / "stat").write_text("1 0 8 0 5 0 12000 0 0 0 0\n")
    assert wear.values(160.0) == {}
    assert wear.values(100.0 + 8640) == {"written_agent": 20.0, "written_disk": 51.2}
    io.unlink()
    assert wear.values(100.0 + 8640) == {"written_disk": 51.2}


def test_this_machine_says_what_its_agent_writes(tmp_path: Path) -> None:
    wear = Wear(tmp_path, 0.0)
    assert wear.values(3600.0)["written_agent"] >= 0
