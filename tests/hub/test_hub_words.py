"""Catalogues, times and sentences."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

import hub
import tts.reading
from edge_agent.contract.commands import KINDS
from hub.bulletins.machine import Act
from hub.cameras.looks import What
from hub.language import catalogue, choose, sort_key
from hub.notes import note_in
from hub.people.asked import QUIET
from hub.records import _absent
from hub.sentences import number
from hub.times import from_form, moment, zone_named

VN = ZoneInfo("Asia/Ho_Chi_Minh")
SOURCES = Path(hub.__file__).parent


def test_catalogues_have_the_same_keys_and_names_to_fill() -> None:
    vi, en = catalogue("vi"), catalogue("en")
    assert set(vi) == set(en)
    for key, text in vi.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", en[key])), key


def test_every_key_is_used_and_every_used_key_exists() -> None:
    files = [
        *SOURCES.rglob("*.py"),
        *(SOURCES / "templates").iterdir(),
    ]
    text = "\n".join(f.read_text(encoding="utf-8") for f in files)
    used = set(re.findall(r"""["']([a-z]+\.[a-z_]+[a-z_0-9.]*)["']""", text))
    put_together = re.findall(r"""["']([a-z]+\.[a-z_.]*)["'] ?[~%+]""", text)  # "air.show_" ~ what
    put_together += re.findall(r"""f["']([a-z]+\.[a-z_.]*)\{""", text)  # f"air.show_{what}"
    families = ("light.", "note.", *(prefix for prefix in put_together if prefix.endswith(("_", "."))))
    dead = [
        key for key in catalogue("vi") if key not in used and f'"{key}"' not in text and not key.startswith(families)
    ]
    assert dead == [key for key in dead if key == "sending"]
    known_prefixes = {key.partition(".")[0] for key in catalogue("vi")}
    files_of_python = re.compile(r"\.(py|html|svg|json|js|css|key|sqlite3|part|jpg|wav)$")
    missing = [
        key
        for key in used
        if key.partition(".")[0] in known_prefixes - {"hub"}
        and key not in catalogue("vi")
        and f"audit.act.{key}" not in catalogue("vi")
        and not files_of_python.search(key)
    ]
    assert [k for k in missing if k not in CONTRACT and not k.endswith("_")] == []  # "aired.show_" ~ what


CONTRACT = {
    "node.safe_mode",
    "people.forbidden",
    "people.not_signed_in",
    "media.refused",
    "camera.clip",
    "camera.garbage",
    "camera.recordings",
    "camera.snapshot",
    "people.id",
    "speaker.stopped",
}
"""Codes of the contract, acts and columns, not keys of ours."""


ASKED = (
    "Mời bà con ra XQZ, TT. Đội bóng thắng 5/6. Xin chào ¤ bà con. Chào 你好 bà con. Mời CAM ra. Ông A/B đến. Xem T3.\n"
    "Theo số 15/QĐ-XQZ. Xem <b>họp</b> nhé. Ghi x² thôi. Tổ V họp. Gặp Smith nhé. Nước x^2. Nhận K7B9."
)


def test_notes_beside_the_ways_to_read_have_words_in_both_languages() -> None:
    questions = tts.reading.Reader().read(ASKED).questions
    notes = {way.note for question in questions for way in question.candidates} - {""}
    assert len(notes) > 15
    assert [note for note in sorted(notes) if note_in("en", note) == note] == []
    assert note_in("vi", "đọc từng chữ") == "đọc từng chữ"
    assert note_in("en", "đọc từng chữ") == "spelled out"
    assert note_in("en", "cách xã tự ghi") == "cách xã tự ghi"


@pytest.mark.parametrize(
    ("asked", "cookie", "wanted"),
    [(None, None, "vi"), (None, "en", "en"), ("vi", "en", "vi"), ("en", None, "en"), ("xx", "yy", "vi")],
)
def test_language(asked: str | None, cookie: str | None, wanted: str) -> None:
    assert choose(asked, cookie, "vi") == wanted


def test_moments() -> None:
    now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # 23:30 in Viet Nam
    assert moment(datetime(2026, 11, 22, 11, 42, tzinfo=UTC), now, VN, "vi") == "18:42"
    assert moment(datetime(2026, 11, 22, 17, 5, tzinfo=UTC), now, VN, "vi") == "00:05 ngày 23/11"
    assert moment(datetime(2025, 3, 4, 5, 6, tzinfo=UTC), now, VN, "vi") == "12:06 ngày 04/03/2025"
    assert moment(datetime(2025, 3, 4, 5, 6, tzinfo=UTC), now, VN, "en") == "12:06 on 4 Mar 2025"
    moment(datetime.max.replace(tzinfo=UTC), now, VN, "vi")
    moment(datetime.min.replace(tzinfo=UTC), now, ZoneInfo("America/New_York"), "vi")


def test_forms_are_read_in_the_nodes_zone() -> None:
    assert from_form("2026-11-22", "05:30", VN) == datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
    assert zone_named("Nowhere", "UTC").key == "UTC"


def test_names_are_ordered_as_in_a_vietnamese_dictionary() -> None:
    names = ["Thôn Tây", "Thôn Đông", "Thôn Dâu", "thôn Êm", "Thôn An", "Thôn Ấp"]
    assert sorted(names, key=sort_key) == ["Thôn An", "Thôn Ấp", "Thôn Dâu", "Thôn Đông", "thôn Êm", "Thôn Tây"]


def test_numbers() -> None:
    assert [number(v) for v in (12.34, 12.0, 1234.56, float("nan"), float("inf"), 0)] == [
        "12.3",
        "12",
        "1235",
        "–",
        "–",
        "0",
    ]


def test_absent_parts_of_a_range() -> None:
    from edge_agent.contract.sequence import Sequence

    sequence = Sequence(through=5, later=[8, 9, 12])
    assert _absent(sequence, 1, 20) == [(6, 7), (10, 11), (13, 20)]
    assert _absent(sequence, 1, 5) == []
    assert _absent(sequence, 8, 9) == []


def test_every_act_of_the_audit_log_has_its_words() -> None:
    """Those that stand in the code, and those that are put together of what people do."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    written = set(re.findall(r'audit\.(?:note|afterwards)\(\s*"([a-z]+\.[a-z_]+)"', code))
    assert {"web.act", "person.sign_in", "notify.make"} <= written
    written |= {f"bulletin.{act}" for act in Act} | {f"camera.{what}" for what in get_args(What)}
    written |= {f"node.{do}" for do in KINDS.keys() - QUIET}
    assert [act for act in sorted(written) if f"audit.act.{act}" not in catalogue("vi")] == []
