"""`edge-agent calendar` as a person uses it: real files, a real node's database, both languages."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from core_examples import bulletin

import edge_agent
from edge_agent import words
from edge_agent.cli.calendar import command
from edge_agent.store.opening import open_file

CONFIGS = Path(edge_agent.__file__).parent.parent / "configs"
COMMUNE = CONFIGS / "bulletins" / "commune.yaml"
MONDAY = ("--from", "2026-11-23")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "en")


def run(*arguments: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(command, [str(each) for each in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def told(*arguments: str | Path, code: int = 0) -> dict:
    found: dict = json.loads(run(*arguments, "--json", code=code).stdout)
    return found


def test_days_with_their_lunar_dates() -> None:
    lines = run("show", COMMUNE, *MONDAY).stdout.splitlines()
    assert lines[0] == "Monday 23/11/2026 · full moon (15) of lunar month 10"
    assert lines[1].startswith("  05:30 ● Bản tin sáng [ban-tin-sang]")
    assert lines[-1] == "11 times on air in 7 days, 5 bulletins."


def test_vietnamese_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")
    assert run("show", COMMUNE, *MONDAY).stdout.startswith("Thứ Hai 23/11/2026 · rằm tháng 10 âm lịch\n")
    assert "Chủ nhật 07/02/2027 · mùng 2 tháng Giêng âm lịch" in run("show", COMMUNE, "--from", "2027-02-07").stdout
    assert "07/01/2027 · 30 tháng 11 âm lịch" in run("show", COMMUNE, "--from", "2027-01-07").stdout
    assert "mùng 1 tháng 6 nhuận âm lịch" in "\n".join(_leap_lines())


def _leap_lines() -> list[str]:
    from datetime import date

    from edge_agent.cli.agenda import lunar_words

    return [lunar_words(date(2025, 7, 25))]


def test_a_moved_instance_says_where_it_was() -> None:
    out = run("show", COMMUNE, "--from", "2026-12-02", "--days", "1").stdout
    assert "06:00 ● Bản tin sáng [ban-tin-sang] ~1 min; moved from 05:30 02/12; other words than usual" in out
    (day,) = told("show", COMMUNE, "--from", "2026-12-02", "--days", "1")["days"]
    assert day["lunar"] == {"day": 24, "month": 10, "year": 2026, "leap": False}
    assert day["bulletins"][0]["planned_as"] == "2026-12-02T05:30:00+07:00"


def test_a_week_as_a_picture() -> None:
    rows = run("show", COMMUNE, *MONDAY, "--week", "--hours", CONFIGS / "node.example.yaml").stdout.splitlines()
    assert rows[0].split() == [
        "Mo",
        "23/11",
        "Tu",
        "24/11",
        "We",
        "25/11",
        "Th",
        "26/11",
        "Fr",
        "27/11",
        "Sa",
        "28/11",
        "Su",
        "29/11",
    ]
    assert rows[1].split()[0] == "15/10"
    assert rows[2].split() == ["05:30", "●", "●", "●", "<=", "80", "%"]
    assert rows[2].index("●") == rows[0].index("Mo")
    assert rows[3].index("▲") == rows[0].index("Tu")
    assert rows[4].count("●") == 7


def test_lawful_hours_of_a_preset_and_of_a_file() -> None:
    assert (
        run("check", COMMUNE, *MONDAY, "--hours", "two-sessions").stdout == "All within the lawful hours for 60 days.\n"
    )
    done = run("check", COMMUNE, *MONDAY, "--hours", CONFIGS / "hours" / "urban.yaml", "--days", "14", code=2)
    assert "16" not in done.stdout and "4 times on air would be refused in the next 14 days." in done.stdout
    assert "Next lawful: 05:30 30/11/2026." in done.stderr and "and 3 times more" in done.stderr
    found = told("check", COMMUNE, *MONDAY, "--hours", "urban", "--days", "14", code=2)
    assert not found["ok"] and {each["rule"] for each in found["violations"]} == {"hours.weekday"}
    assert found["violations"][0]["next_lawful"] == "2026-11-29T22:30:00+00:00"


def test_without_hours_any_hour_is_lawful_and_said_so() -> None:
    assert "any hour" in run("check", COMMUNE, *MONDAY).stdout


@pytest.mark.parametrize("said", ["nothing", CONFIGS / "hub.example.yaml", COMMUNE])
def test_hours_that_are_none(said: str | Path) -> None:
    assert run("check", COMMUNE, "--hours", said, code=2).stderr.strip()


def test_out_and_in_again(tmp_path: Path) -> None:
    ics, back = tmp_path / "xa.ics", tmp_path / "xa.json"
    assert "5 bulletins" in run("export", COMMUNE, ics).stdout
    assert "5 bulletins taken, 0 things not." in run("import", ics, back).stdout
    for file in (ics, back):
        assert (
            told("show", file, *MONDAY, "--days", "366")["days"]
            == told("show", COMMUNE, *MONDAY, "--days", "366")["days"]
        )


def test_what_could_not_be_taken_is_told_with_its_line(tmp_path: Path) -> None:
    event = "BEGIN:VEVENT\nUID:{}\nSUMMARY:Họp\n{}\nEND:VEVENT\n"
    file = tmp_path / "a.ics"
    good, bad = event.format("a", "DTSTART:20261123T053000"), event.format("b", "DTSTART;VALUE=DATE:20261123")
    file.write_text(f"BEGIN:VCALENDAR\n{good}{bad}END:VCALENDAR\n", encoding="utf-8")
    done = run("import", file)
    assert "1 bulletins taken, 1 things not." in done.stdout and f"{file}:7: b: " in done.stderr
    assert [each["code"] for each in told("import", file)["untaken"]] == ["ical.all_day"]
    file.write_text(f"BEGIN:VCALENDAR\n{bad}END:VCALENDAR\n", encoding="utf-8")
    run("import", file, code=2)


def test_a_node_shows_what_it_has_planned(tmp_path: Path) -> None:
    text = (CONFIGS / "node.example.yaml").read_text(encoding="utf-8")
    config = tmp_path / "node.yaml"
    config.write_text(text.replace("/var/lib/edge-agent     ", f"{tmp_path}     "), encoding="utf-8")
    assert "no calendar yet" in run("show", config, *MONDAY).stderr
    connection, _ = open_file(tmp_path / "node.db")
    with connection:
        body = bulletin(at="2026-11-23T05:30:00+07:00", title="Của nút").model_dump_json(
            by_alias=True, exclude_none=True
        )
        for name, each in (("tot", body), ("hong", "{")):
            columns = [row[1] for row in connection.execute("PRAGMA table_info(bulletin)")]
            row = {"id": name, "body": each, "by": "a", "state": "planned", "handled": "2026-11-20T00:00:00+00:00"}
            values = [row.get(column, "") for column in columns]
            connection.execute(f"INSERT INTO bulletin VALUES ({','.join('?' * len(columns))})", values)
    done = run("show", config, *MONDAY)
    assert "05:30 ● Của nút" in done.stdout and "cannot be read" in done.stderr
    assert run("check", config, *MONDAY, code=0).stdout.startswith("All within")
    connection.close()
    (tmp_path / "node.db").write_bytes(b"no database at all " * 100)
    assert "cannot be read" in run("show", config, code=1).stderr


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.yaml", None, "no such file"),
        ("a.yaml", b"\xff\xfe", "UTF-8"),
        ("a.yaml", b"bulletins: [", "not valid YAML"),
        ("a.yaml", b"- 1\n- 2\n", "no bulletins"),
        ("a.yaml", b"", "no bulletins"),
        ("a.yaml", b"bulletins:\n  - id: a\n    titel: b\n", "a.yaml:2"),
        ("a.ics", b"hello", "BEGIN:VCALENDAR"),
        ("a.json", b'[{"id":"a","title":"b","text":"c","at":"2026-11-23T05:30:00"}]', "offset"),
        ("a.ics", b"x" * 5_000_000, "larger than 4 MB"),
    ],
)
def test_files_that_hold_no_calendar(tmp_path: Path, name: str, content: bytes | None, expected: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    assert expected in run("show", file, code=2).stderr


def test_the_source_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "xa.yaml"
    file.write_bytes(COMMUNE.read_bytes())
    run("export", file, file, code=2)
    assert file.read_bytes() == COMMUNE.read_bytes()
    run("export", file, tmp_path / "nowhere" / "x.ics", code=2)


def test_looking_changes_nothing_on_the_node_s_disk(tmp_path: Path) -> None:
    config = tmp_path / "node.yaml"
    text = (CONFIGS / "node.example.yaml").read_text(encoding="utf-8")
    config.write_text(text.replace("/var/lib/edge-agent     ", f"{tmp_path}     "), encoding="utf-8")
    connection, _ = open_file(tmp_path / "node.db")  # an agent that runs
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".db-shm"}
    run("show", config)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".db-shm"} == before
    connection.close()
