"""`edge-agent rules` on the shipped farm: sentences, a recorded day, a node's own data, and data that is wrong."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from core_rig import store

from edge_agent import words
from edge_agent.cli import cli
from edge_agent.clock import SimulatedClock
from edge_agent.config.load import load
from edge_agent.store.outbox import Entry

CONFIGS = Path(__file__).parents[2] / "configs"
FARM, DAY = CONFIGS / "rules" / "farm.yaml", CONFIGS / "rules" / "hot-day.csv"
MINIMAL = yaml.safe_load((CONFIGS / "node.minimal.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The farm on a node of its own."""
    farm = yaml.safe_load(FARM.read_text(encoding="utf-8"))
    minimal = {key: value for key, value in MINIMAL.items() if key not in ("lights", "speakers", "drivers")}
    file = tmp_path / "node.yaml"
    made = {**minimal, **farm, "storage": {"path": str(tmp_path / "data")}}
    file.write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    return file


def run(*arguments: object, lang: str = "vi") -> Result:
    try:
        return CliRunner().invoke(cli, ["--lang", lang, "rules", *map(str, arguments)])
    finally:
        words.speak("vi")


def tried(node: Path, *arguments: object) -> dict[str, dict]:
    result = run(node, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return {each["id"]: each for each in json.loads(result.stdout)["rules"]}


def csv(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_the_shipped_farm_has_no_mistake(node: Path) -> None:
    assert [problem.text() for problem in load(node).problems] == []


def test_rules_are_told_in_sentences_in_both_languages(node: Path) -> None:
    vi, en = run(node).stdout, run(node, lang="en").stdout
    assert "Làm mát chuồng [mat-chuong] – chỉ theo dõi" in vi
    assert "Khi nhiệt độ chuồng cao hơn 32 °C đã 60 giây thì Quạt chuồng chạy; tự tắt khi" in vi
    assert "Chỉ từ 30 phút sau lúc mặt trời mọc đến 30 phút trước lúc mặt trời lặn." in vi
    assert "Khi đến 05:30 và độ ẩm đất thấp hơn 45 % thì Van tưới chạy; tự tắt khi" in vi
    assert "sau 120 lít hoặc sau 40 phút. Chỉ thứ Hai, thứ Tư, thứ Sáu." in vi
    assert "it goes off by itself" in en and "{" not in vi + en
    listed = json.loads(run(node, "--json").stdout)["rules"]
    assert [rule["id"] for rule in listed][:2] == ["mat-chuong", "phun-am"] and listed[0]["armed"] is False


def test_a_recorded_day_shows_each_decision_and_the_totals(node: Path) -> None:
    fan = tried(node, "--try", DAY)["mat-chuong"]
    assert [step["did"] for step in fan["steps"][:2]] == ["began", "ended"]
    assert fan["times"] == sum(step["did"] == "began" for step in fan["steps"]) >= 2
    assert fan["longest_s"] <= 7200 and fan["acted_s"] == pytest.approx(
        sum(step["ran_s"] for step in fan["steps"] if "ran_s" in step)
    )
    assert fan["steps"][0]["vi"].startswith("Quạt chuồng chạy vì nhiệt độ chuồng 32")
    shown = run(node, "--try", DAY, "--rule", "mat-chuong").stdout
    assert "bắt đầu" in shown and "2 giờ" in shown and "2026-05" not in shown
    feeder = tried(node, "--try", DAY)["an-sang-chieu"]
    assert [(step["at"], step.get("ran_s")) for step in feeder["steps"]] == [
        ("2026-05-17T23:30:00+00:00", None),
        ("2026-05-17T23:30:25+00:00", 25.0),
        ("2026-05-18T09:30:00+00:00", None),
        ("2026-05-18T09:30:25+00:00", 25.0),
    ]


def test_litres_need_a_meter_or_an_assumed_flow(node: Path) -> None:
    watering = tried(node, "--try", DAY, "--rule", "tuoi-sang")["tuoi-sang"]
    assert watering["missing"] == ["dong-ho-tuoi"] and watering["times"] == 0
    assert any("dong-ho-tuoi" in warning for warning in watering["warnings"])
    data = "time,sensor,value\n" + "".join(
        f"2026-05-18 05:{minute:02}:{second:02},am-dat,40\n" for minute in range(25, 55) for second in (0, 30)
    )
    watering = tried(node, "--try", csv(node.parent, data), "--rule", "tuoi-sang", "--flow", "10")["tuoi-sang"]
    assert watering["times"] == 1 and watering["litres"] == pytest.approx(120, abs=0.5)
    assert watering["acted_s"] == pytest.approx(720, abs=2)
    counted = data + "".join(
        f"2026-05-18T05:{minute:02}:{second:02}+07:00,dong-ho-tuoi,{5000 + 12 * max(0, minute - 30) + second // 5}\n"
        for minute in range(25, 55)
        for second in range(0, 60, 5)
    )
    watering = tried(node, "--try", csv(node.parent, counted), "--rule", "tuoi-sang")["tuoi-sang"]
    assert watering["times"] == 1 and watering["litres"] == pytest.approx(120, abs=12)


def test_a_rule_that_flutters_or_never_acts_is_warned_of(node: Path) -> None:
    minutes = [(minute, 33 if minute % 6 < 3 else 29) for minute in range(120)]
    data = "time,sensor,value\n2026-05-18 08:00,x,1\n"
    data += "".join(f"2026-05-18 {8 + m // 60:02}:{m % 60:02},nhiet-chuong,{v}\n" for m, v in minutes)
    text = (
        node.read_text(encoding="utf-8").replace("minimum_s: 300", "minimum_s: 0").replace("rest_s: 600", "rest_s: 0")
    )
    node.write_text(text, encoding="utf-8")
    fan = tried(node, "--try", csv(node.parent, data), "--rule", "mat-chuong")["mat-chuong"]
    assert fan["busiest_hour"] > 6 and "trong một giờ" in fan["warnings"][0]
    pump = tried(node, "--try", csv(node.parent, data), "--rule", "bom-day-be")["bom-day-be"]
    assert pump["missing"] == ["muc-be"] and any("không chạy lần nào" in each for each in pump["warnings"])


async def test_the_data_that_a_node_holds_can_be_tried(node: Path) -> None:
    now = datetime.now(UTC)
    data = node.parent / "data"
    data.mkdir()
    async with store(data, SimulatedClock(now)) as opened:
        entries = [
            Entry.sample(
                now - timedelta(minutes=back), {"sensor/nhiet-chuong": 34.0 if back < 60 else 25.0, "cpu": 3.0}
            )
            for back in range(600, 0, -1)
        ]
        await opened.outbox.append(*entries)
    fan = tried(node, "--from-node", "--rule", "mat-chuong")["mat-chuong"]
    assert fan["times"] == 1 and fan["acted_s"] == pytest.approx(58 * 60, abs=61)
    assert "--try" in CliRunner().invoke(cli, ["rules", str(node), "--from-node"]).stderr
    none = tried(node, "--from-node", "--hours", "0.5", "--rule", "mat-chuong")["mat-chuong"]
    assert datetime.fromisoformat(none["from"]) > now - timedelta(minutes=31)


def test_spreadsheets_with_semicolons_and_decimal_commas_are_read(node: Path) -> None:
    text = "﻿sensor;time;value;note\n" + "".join(
        f"nhiet-chuong;2026-05-18 08:{minute:02};{'33,5' if minute != 7 else ''};x\n" for minute in range(20)
    )
    fan = tried(node, "--try", csv(node.parent, text), "--rule", "mat-chuong")["mat-chuong"]
    assert fan["times"] == 1
    assert "33,5 °C" in fan["steps"][0]["vi"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "time, sensor, value"),
        ("when,what\n1,2\n", "time, sensor, value"),
        ("time,sensor,value\n", "Không có số liệu"),
        ("time,sensor,value\n2026-05-18 08:00,a,1\nyesterday,a,1\n", "Dòng 3: “yesterday”"),
        ("time,sensor,value\n2026-05-18 08:00,a,warm\n", "Dòng 2: “warm” không phải số"),
        ("time,sensor,value\n2026-05-18 08:00,a\n", "Dòng 2 thiếu cột"),
        ("time,sensor,value\n2026-05-18 08:00,a,1\n".encode("utf-16"), "UTF-8"),
        (b"time,sensor,value\n2026-05-18 08:00,a\x00,1\n\xff", "UTF-8"),
    ],
)
def test_wrong_data_is_told_with_its_line(node: Path, text: str | bytes, said: str) -> None:
    result = run(node, "--try", csv(node.parent, text))
    assert result.exit_code == 2 and said in result.stderr, result.output


def test_an_unknown_rule_and_a_node_without_data_are_told(node: Path) -> None:
    result = run(node, "--rule", "mat-chuog")
    assert result.exit_code == 2 and "mat-chuong" in result.stderr
    result = run(node, "--from-node")
    assert result.exit_code == 2 and "node.db" in result.stderr
    assert run(node, "--try", DAY, "--from-node").exit_code != 0
    assert run(node, "--try", node.parent / "none.csv").exit_code != 0
