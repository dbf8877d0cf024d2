"""What is wrong with a value, told in both languages."""

import pytest
from pydantic import ValidationError

from edge_agent.contract import invalid
from edge_agent.contract.commands import KINDS
from edge_agent.contract.errors import Fault, caused_by
from edge_agent.contract.recurrence import checked

GOOD = {"id": "sang", "title": "Sáng", "text": "Kính mời", "at": "2026-11-23T05:30:00+07:00"}


def fault(do: str, args: dict) -> Fault:
    with pytest.raises(ValidationError) as caught:
        KINDS[do].model_validate({"do": do, **args})
    return Fault.of("command.invalid", **invalid.first(caught.value))


@pytest.mark.parametrize(
    ("change", "why", "vi"),
    [
        ({"at": "2027-02-31T05:30:00+07:00"}, "invalid.time", "thời điểm có thật"),
        ({"at": "2026-11-23T05:30:00"}, "invalid.offset", "thiếu múi giờ"),
        ({"at": "1999-11-23T05:30:00+07:00"}, "invalid.year", "2020–2100"),
        ({"id": "Sáng Mai"}, "invalid.name", "chữ thường không dấu"),
        ({"title": 5}, "invalid.text", "phải là chữ"),
        ({"tite": "x"}, "invalid.unknown", "không có khoá này"),
        ({"class": "loudest"}, "invalid.choice", "phải là một trong"),
        ({"volume": 900}, "invalid.large", "nhiều nhất 100"),
        ({"volume": "to"}, "invalid.number", "phải là số"),
        ({"text": None}, "invalid.content", "cần đúng một trong ba"),
        ({"recurrence": {"rule": "FREQ=SECONDLY"}}, "invalid.rule_often", "dày hơn mỗi giờ"),
        ({"recurrence": {"rule": "FREQ=DAILY;INTERVAL=0"}}, "invalid.rule_range", "từ 1 đến 1000"),
    ],
)
def test_a_mistake_in_a_bulletin_is_told_in_both_languages(change: dict, why: str, vi: str) -> None:
    told = fault("bulletin.plan", {"bulletin": {**GOOD, **change}})
    assert told.params["why"] == why
    assert vi in told.vi and vi not in told.en
    assert str(told.params["detail"]) in told.en and str(told.params["detail"]) not in told.vi


def test_too_few_bulletins_to_order_and_one_that_is_missing() -> None:
    assert "cần ít nhất 2" in fault("bulletin.order", {"bulletins": ["a"]}).vi
    assert "thiếu mục này" in fault("bulletin.cancel", {}).vi


def test_a_rule_that_is_refused_alone_has_its_reason() -> None:
    with pytest.raises(ValueError, match="INTERVAL must be from 1 to 1000") as caught:
        checked("FREQ=DAILY;INTERVAL=0")
    told = Fault.of("ical.rule", rule="x", **invalid.reason_of(caught.value))
    assert "INTERVAL phải từ 1 đến 1000" in told.vi and "INTERVAL must be" in told.en


def test_a_fault_that_another_brought_about_is_vietnamese_throughout() -> None:
    inner = Fault.of("audio.damaged", detail="the file is cut off", detail_vi="tệp bị cắt cụt")
    outer = Fault.of("bulletin.missed_sound", **caused_by(inner))
    assert outer.vi == "Không phát được: âm thanh chưa sẵn sàng (Tệp âm thanh bị hỏng: tệp bị cắt cụt)."
    assert "Tệp" not in outer.en


def test_kinds_are_named_in_words() -> None:
    told = Fault.of("command.unknown_thing", kind="bulletin", id="sang", known="-")
    assert "bản tin" in told.vi and "bulletin" in told.en
