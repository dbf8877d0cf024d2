"""`edge-agent lights`: what will be lit, in a table, as JSON and as a picture; and the calendars to copy."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from edge_agent import words
from edge_agent.cli.lights import command
from edge_agent.config.load import load
from edge_agent.config.yaml import read

SVG = "{http://www.w3.org/2000/svg}"
NIGHTS = Path(__file__).parents[2] / "configs" / "nights"
NODE = {
    "node": {"commune": "26734", "name": "n", "title": "Cụm", "position": {"latitude": 20.95, "longitude": 106.08}},
    "broker": {"url": "mqtt://10.0.0.2:1883", "username": "n", "password": {"env": "P"}},
    "command_keys": [{"id": "hub", "public": "A" * 43}],
    "drivers": [{"id": "relays", "driver": "simulated-relay", "lines": {str(n): {} for n in range(9)}}],
}


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")


def node(folder: Path, **sections) -> Path:
    file = folder / "node.yaml"
    file.write_text(json.dumps({**NODE, **sections}), encoding="utf-8")
    return file


@pytest.fixture
def village(tmp_path: Path) -> Path:
    steps = [{"at": "22:00", "level": 0}, {"at": "04:30", "level": 100}]
    return node(
        tmp_path,
        programmes=[{"id": "ca-dem"}, {"id": "nua-dem", "on": "sunset-15m", "off": "sunrise+10m", "steps": steps}],
        calendars=[{"id": "xom", "rules": [{"programme": "ca-dem", "tet": [0, 1]}], "otherwise": "nua-dem"}],
        lights=[
            {"id": "a", "name": "Đèn A", "line": "relays/1", "calendar": "xom"},
            {"id": "b", "name": "Đèn B", "line": "relays/2", "calendar": "xom"},
            {"id": "c", "name": "Đèn C", "line": "relays/3"},
        ],
        switches=[
            {"id": "quat", "name": "Quạt", "line": "relays/4", "use": "fan",
             "programme": {"on": "00:00", "off": "00:00", "begins": "midnight"}},
        ],
    )  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_a_line_a_night_with_weekday_and_lunar_date(village: Path) -> None:
    done = run(village, "--from", "2027-02-05", "--days", 3)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "Đèn A [a], Đèn B [b]: theo lịch xom",
        "T6 05/02  29/12 17:48-06:30  nua-dem  17:33 bật  22:00 tắt  04:30 bật  06:40 tắt",
        "T7 06/02    1/1 17:48-06:30  ca-dem   17:48 bật  06:30 tắt",
        "CN 07/02    2/1 17:49-06:29  ca-dem   17:49 bật  06:29 tắt",
        "",
        "Đèn C [c]: không có chương trình, mặc định tắt",
        "",
        "Quạt [quat]: theo chương trình riêng",
        "T6 05/02  29/12 17:48-06:30  cả ngày bật",
        "T7 06/02    1/1 17:48-06:30  cả ngày bật",
        "CN 07/02    2/1 17:49-06:29  cả ngày bật",
        "",
    ]
    assert max(map(len, done.output.splitlines())) <= 80


def test_many_switches_go_on_in_another_line(tmp_path: Path) -> None:
    steps = [{"at": f"{hour:02}:00", "level": 100 * (hour % 2)} for hour in range(5)]
    light = {"id": "a", "name": "A", "line": "relays/1", "programme": {"steps": steps}}
    lines = run(node(tmp_path, lights=[light]), "--from", "2027-02-05", "--days", 1).output.splitlines()
    assert max(map(len, lines)) <= 80
    assert re.findall(r"\d\d:\d\d \w+", " ".join(lines[1:]))[-1] == "04:00 tắt" and lines[2].startswith(" " * 20)


def test_as_json_in_local_time(village: Path) -> None:
    told = json.loads(run(village, "--from", "2027-02-06", "--days", 1, "--json", "--thing", "b").output)
    assert (told["zone"], told["days"][0]["lunar"]) == ("Asia/Ho_Chi_Minh", "1/1")
    assert told["days"][0]["sunset"].startswith("2027-02-06T17:48:") and told["days"][0]["sunset"].endswith("+07:00")
    (thing,) = told["things"]
    assert (thing["id"], thing["calendar"], thing["nights"][0]["programme"]) == ("b", "xom", "ca-dem")
    assert [each["level"] for each in thing["nights"][0]["switches"]] == [0, 100, 0]
    assert thing["nights"][0]["switches"][1]["at"] == told["days"][0]["sunset"]


def test_a_year_as_a_picture(village: Path, tmp_path: Path) -> None:
    out = tmp_path / "year.svg"
    done = run(village, "--from", "2027-02-06", "--svg", out)
    assert done.exit_code == 0 and str(out) in done.output
    drawn = ElementTree.fromstring(out.read_text(encoding="utf-8"))
    titles = [text.text for text in drawn.iter(f"{SVG}text")]
    assert "Đèn A [a], Đèn B [b]: theo lịch xom" in titles and not any("Đèn C" in str(title) for title in titles)
    lit = [each for each in drawn.iter(f"{SVG}rect") if each.get("fill") == "#ffc233"]
    around_tet, half_nights, fan = 4, 2 * 361, 365  # Tet of 2027 and of 2028
    assert len(lit) == around_tet + half_nights + fan + 5, "and five in the legend"
    assert all(float(each.get("height", "0")) > 0 for each in lit)


def test_the_file_that_is_read_is_not_drawn_over(village: Path) -> None:
    before = village.read_bytes()
    assert run(village, "--svg", village).exit_code != 0
    assert village.read_bytes() == before


def test_what_cannot_be_shown_is_told(village: Path, tmp_path: Path) -> None:
    wrong = run(village, "--thing", "quạt")
    assert wrong.exit_code == 2 and "quat" in wrong.stderr
    assert run(village, "--from", "1900-01-01").exit_code == 2
    assert run(tmp_path / "none.yaml").exit_code == 2
    (tmp_path / "other").mkdir()
    bare = run(node(tmp_path / "other"))
    assert bare.exit_code == 0 and "không có" in bare.output


@pytest.mark.parametrize("path", sorted(NIGHTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_calendars_to_copy_are_right_as_they_are(path: Path, tmp_path: Path) -> None:
    body = read(path.read_text(encoding="utf-8")).data
    assert set(body) == {"programmes", "calendars"}
    lights = [
        {"id": f"l{n}", "name": "Đèn", "line": f"relays/{n}", "calendar": calendar["id"]}
        for n, calendar in enumerate(body["calendars"])
    ]
    file = node(tmp_path, lights=lights, **body)
    assert load(file).problems == []
    assert run(file, "--days", 366, "--from", "2027-01-01").exit_code == 0
