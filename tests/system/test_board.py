"""A whole board in a virtual machine: Debian boots, our package works in it: a light is switched, a sentence heard."""

from collections.abc import Callable, Iterator

import pytest
from board_commune import NODE, PIN, Commune, heard, loud_s, package
from board_rig import Board, image

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def commune(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commune]:
    made = Commune(tmp_path_factory.mktemp("commune"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, commune: Commune) -> Iterator[Board]:
    with Board(image(package()), tmp_path_factory.mktemp("board"), ntp_port=commune.time.port) as made:
        made.boot(commune.card())
        made.wait_until_up()
        yield made


def test_it_boots_with_the_card_of_the_pole(board: Board, commune: Commune) -> None:
    board.wait_for(commune.online, 300)
    assert board.ask("hostname") == NODE, "cloud-init read the card"
    assert board.ask("systemctl is-active edge-agent") == "active"
    assert board.ask("systemctl --failed --plain --no-legend") == ""


def test_a_light_is_switched_on_a_line_of_the_kernel(board: Board, commune: Commune) -> None:
    for level in (100, 0, 100):
        done = commune.ask({"do": "switch.override", "thing": "cong-lang", "level": level, "seconds": 3600})
        assert done["state"] == "done", done
        assert board.line(PIN) == (level > 0)
    state = commune.latest("state/light/cong-lang")
    assert state["actual"] == 100, state


def test_a_sentence_is_heard_at_the_other_end_of_the_sound_card(
    board: Board, commune: Commune, record_property: Callable[[str, object], None]
) -> None:
    with board.recording():
        done = commune.ask({"do": "speak", "text": "Kính mời bà con bảy giờ ba mươi sáng mai đi họp."}, 240)
        assert done["state"] == "done", done
    sound, rate = heard(board)
    record_property("heard", {"loud_s": loud_s(sound, rate), "peak": float(abs(sound).max())})
    assert loud_s(sound, rate) > 1, "speech, not a click"
    assert abs(sound).max() > 0.2


def test_it_works_inside_its_sandbox(board: Board) -> None:
    exposure = board.ask("systemd-analyze security --no-pager edge-agent | grep -o 'service: [0-9.]*'").split()[-1]
    assert float(exposure) <= 1.9, "as systemd/README.md explains"
    main = board.ask("systemctl show -P MainPID edge-agent")
    lines = board.ask(f"cat /proc/{main}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert (status["CapEff"].strip("0"), status["NoNewPrivs"], status["Seccomp"]) == ("", "1", "2")
    assert status["Uid"].split()[0] != "0"


def test_a_gigabyte_of_memory_is_enough(board: Board) -> None:
    free_kb = int(board.ask("grep MemAvailable /proc/meminfo").split()[1])
    assert free_kb > 256 * 1024, "room for a camera"
    assert "Out of memory" not in board.ask("dmesg")
