"""Image files as they are written onto cards, with real mtools, sfdisk, mkfs.fat and fsck.fat. No root."""

import shutil
from pathlib import Path

import pytest
import yaml
from core_card import NODE, START, TRUSTED, image, inside, names, run, sheet, sound, told, tool
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.card.faults import CardFault
from edge_agent.card.partition import Partition, fat_partitions


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of Trixie, to be copied."""
    return image(tmp_path_factory.mktemp("blank"))


@pytest.fixture
def card(blank: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(blank, tmp_path / "card.img"))


def test_an_image_gets_the_same_files_as_a_folder(card: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path, {**NODE, **TRUSTED})
    answer = told(path, "--image", card)
    assert answer["ok"] and answer["system"] == "trixie"
    assert {"::/edge-agent/node.yaml", "::/edge-agent/enrol.json", "::/user-data", "::/meta-data"} <= names(card)
    assert not any(name.endswith(".new") for name in names(card))
    assert yaml.safe_load(inside(card, "edge-agent/node.yaml"))["node"]["name"] == "thon-dong"
    instance = yaml.safe_load(inside(card, "meta-data"))["instance-id"]
    assert inside(card, "cmdline.txt").decode().endswith(f" ds=nocloud;i={instance}\n")
    assert inside(card, "config.txt") == b"dtparam=audio=on\n"
    sound(card, tmp_path)


def test_the_next_box_replaces_the_last(card: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path, {**NODE, **TRUSTED}, {**NODE, "name": "thon-tay"})
    told(path, "--node", "thon-dong", "--image", card)
    notes = told(path, "--node", "thon-tay", "--image", card)["notes"]
    assert any("thon-dong" in note for note in notes)
    assert "::/edge-agent/enrol.json" not in names(card)
    assert yaml.safe_load(inside(card, "edge-agent/node.yaml"))["node"]["name"] == "thon-tay"
    sound(card, tmp_path)


def test_a_dry_run_changes_no_byte(card: Path, tmp_path: Path) -> None:
    before = card.read_bytes()
    assert told(sheet(tmp_path, NODE), "--image", card, "--dry-run")["written"] is False
    assert card.read_bytes() == before


@pytest.mark.parametrize(("system", "label", "bits"), [("bookworm", "dos", 16), ("trixie", "gpt", 32)])
def test_other_tables_and_systems(system: str, label: str, bits: int, tmp_path: Path) -> None:
    card = image(tmp_path, system, label=label, bits=bits)
    assert told(sheet(tmp_path, NODE), "--image", card)["system"] == system
    assert ("::/firstrun.sh" in names(card)) is (system == "bookworm")
    sound(card, tmp_path)


def test_a_full_card_says_so_and_keeps_what_it_holds(card: Path, tmp_path: Path) -> None:
    drive = f"{card}@@{START * 512}"
    path = sheet(tmp_path, {**NODE, **TRUSTED}, {**NODE, "name": "thon-tay", "secrets": "lon"})
    (tmp_path / "lon").mkdir()
    for number in range(2):
        (tmp_path / f"lon/{number}").write_bytes(bytes(60_000))
    told(path, "--node", "thon-dong", "--image", card)
    kept = inside(card, "edge-agent/node.yaml"), inside(card, "user-data"), inside(card, "cmdline.txt")
    filler = tmp_path / "filler"
    left = int("".join(tool("mdir", "-i", drive, "::").rsplit("bytes free", 1)[0].split("\n")[-1].split()))
    with filler.open("wb") as file:
        file.truncate(left - 80_000)
    tool("mcopy", "-i", drive, filler, "::filler")
    listed = names(card)
    assert told(path, "--node", "thon-tay", "--image", card)["code"] == "card.full"
    assert (inside(card, "edge-agent/node.yaml"), inside(card, "user-data"), inside(card, "cmdline.txt")) == kept
    assert names(card) - {"::/edge-agent/secrets/"} == listed
    sound(card, tmp_path)


def test_a_file_system_without_a_table_is_found(tmp_path: Path) -> None:
    """A partition of a device, or a stick."""
    fat = tmp_path / "fat.img"
    with fat.open("wb") as file:
        file.truncate(8 << 20)
    tool("mkfs.fat", "-F", 12, fat)
    assert told(sheet(tmp_path, NODE), "--image", fat)["code"] == "card.no_system"
    assert told(sheet(tmp_path, NODE), "--image", fat, "--system", "trixie")["ok"]
    tool("fsck.fat", "-n", fat)
    with fat.open("rb") as file:
        assert fat_partitions(file, "fat") == [Partition(0, 8 << 20)]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ((0, bytes(512)), "card.no_table"),
        ((446, bytes(16)), "card.no_fat"),
        ((454, b"\xff\xff\xff\xff"), "card.no_fat"),
        ((START * 512 + 510, b"\0\0"), "card.no_fat"),
    ],
)
def test_a_damaged_table_is_said_plainly(damage: tuple[int, bytes], code: str, card: Path, tmp_path: Path) -> None:
    with card.open("r+b") as file:
        file.seek(damage[0])
        file.write(damage[1])
    assert told(sheet(tmp_path, NODE), "--image", card)["code"] == code


def test_a_damaged_gpt_is_not_believed(tmp_path: Path) -> None:
    card = image(tmp_path, label="gpt")
    for place in (512 + 40, 1024 + 33):  # its head, its first entry
        torn = Path(shutil.copy(card, tmp_path / "torn.img"))
        with torn.open("r+b") as file:
            file.seek(place)
            file.write(b"\xee")
        assert told(sheet(tmp_path, NODE), "--image", torn)["code"] == "card.bad_gpt"


def test_what_is_no_image_is_said_plainly(card: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path, NODE)
    assert told(path, "--image", tmp_path / "nowhere.img")["code"] == "card.unwritable"
    assert told(path, "--image", tmp_path)["code"] == "card.no_image"
    assert run(path, "--image", card, "--to", tmp_path).exit_code == 2


@settings(max_examples=150, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 2047), st.integers(0, 255)), max_size=20), length=st.integers(0, 4096))
def test_no_table_makes_us_look_outside_of_the_file(
    places: list[tuple[int, int]], length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = bytearray(4096)
    raw[510:512] = b"\x55\xaa"
    raw[450] = 0x0C
    for place, value in places:
        raw[place] = value
    path = tmp_path_factory.getbasetemp() / "fuzz.img"
    path.write_bytes(raw[:length])
    with path.open("rb") as file:
        try:
            found = fat_partitions(file, "fuzz")
        except CardFault as fault:
            assert fault.text() != fault.code
        else:
            assert all(each.offset >= 0 and each.offset + each.length <= length for each in found)
