"""Sheets as people save them, every mistake at once, and nothing that a sheet can hold stops the reader."""

import json
from pathlib import Path

import pytest
from core_card import NODE, PASSWORD, SSH_KEY, TOKEN, TRUSTED, WIFI_PASSWORD, mounted, problems, run, sheet, table, told
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.card import cells
from edge_agent.card.columns import COLUMNS, column_of
from edge_agent.card.faults import CardFault, SheetFault
from edge_agent.card.node import presets
from edge_agent.card.sheet import parse

VIETNAMESE = {
    "Tên nút": "thon-dong",
    "Mã xã": "26734",
    "Tên gọi": "Cụm loa thôn Đông",
    "Vĩ độ": "20,95",
    "Kinh độ": "106,08",
    "Thiết bị": "loa-den",
    "Mật khẩu": PASSWORD,
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_sheet_is_read_as_spreadsheets_save_it(encoding: str, delimiter: str, end: str) -> None:
    (row,) = parse(table([VIETNAMESE], delimiter, end).encode(encoding)).rows
    assert row.number == 2
    assert row.cells["title"] == "Cụm loa thôn Đông"
    assert cells.degrees(row.cells["latitude"], 90) == 20.95


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    text = "sep=;\r\n" + table([NODE, {}, {**NODE, "title": "hai\r\ndòng"}])
    assert [row.number for row in parse(text.encode()).rows] == [3, 5]


def test_decomposed_letters_are_composed() -> None:
    (row,) = parse(table([{**NODE, "title": "Thôn Đông"}]).encode()).rows
    assert row.cells["title"] == "Thôn Đông"


def test_the_hubs_list_is_a_sheet(tmp_path: Path) -> None:
    """`GET /api/v1/nodes`: it knows who they are; where they stand and what hangs on them is added."""
    node = {"node": "26734/thon-dong", "name": "Cụm loa thôn Đông", "area": "thon-dong", "online": True}
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps({"items": [node], "next": None}), encoding="utf-8")
    missing = {"latitude", "longitude", "devices"}
    assert problems(path) == {(1, column, "card.column_missing") for column in missing}
    node |= {"position": {"latitude": 20.95, "longitude": 106.08}, "devices": "den", "ssh_key": SSH_KEY}
    path.write_text(json.dumps({"items": [node], "next": None}), encoding="utf-8")
    assert told(path)["nodes"] == [{"row": 2, "node": "26734/thon-dong", "devices": "den"}]
    node["about"] = {"position": node.pop("position")}  # as `GET /api/v1/nodes/26734/thon-dong` has it
    path.write_text(json.dumps(node), encoding="utf-8")
    boot = mounted(tmp_path)
    told(path, "--to", boot)
    assert "title: Cụm loa thôn Đông\n  zone: thon-dong\n" in (boot / "edge-agent/node.yaml").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_each_name_of_a_column_means_one_column(name: str) -> None:
    assert all(column_of(other) == name for other in (name, name.upper(), *COLUMNS[name]))


@pytest.mark.parametrize("name", presets())
def test_each_preset_makes_a_configuration_that_check_accepts(name: str, tmp_path: Path) -> None:
    path = sheet(tmp_path, {**NODE, "devices": name, "camera": "10.0.0.20"})
    assert told(path)["nodes"][0]["devices"] == name


def test_there_are_presets_for_speaker_lights_and_camera() -> None:
    assert presets() == ["den", "loa-camera", "loa-den"]


WRONG = {
    "name": ("Thôn Đông", "card.name"),
    "latitude": ("hai mươi", "card.degrees"),
    "longitude": ("nan", "card.degrees"),
    "devices": ("loa-dén", "card.devices_unknown"),
    "hostname": ("-thon", "card.hostname"),
    "timezone": ("Asia/Ha_Noi", "card.timezone"),
    "wifi": ("m" * 33, "card.ssid"),
    "wifi_password": ("ngắn", "card.wifi_password"),
    "wifi_country": ("Việt Nam", "card.country"),
    "apn": ("v internet", "card.apn"),
    "user": ("root", "card.user"),
    "password": ("$6$salt$cut", "card.hash"),
    "ssh": ("có thể", "card.truth"),
    "keyboard": ("US intl", "card.keyboard"),
    "ssh_key": ("ssh-ed25519 AAAA", "card.ssh_key"),
    "camera": ("rtsp://10.0.0.20/", "card.camera"),
    "hub": ("http://10.0.0.2:8444", "card.hub"),
    "pin": ("sha256:12", "card.pin"),
    "token": ("có dấu", "card.token"),
    "expires": ("2026-12-31", "card.instant"),
    "console": ("xa.example.vn", "card.web"),
    "secrets": ("khong-co", "card.secrets"),
}


@pytest.mark.parametrize("column", WRONG)
def test_each_mistake_is_told_with_row_and_column(column: str, tmp_path: Path) -> None:
    value, code = WRONG[column]
    row = {**NODE, **TRUSTED, "wifi": "NhaVanHoa", "name": "nut-2", column: value}
    assert (3, column, code) in problems(sheet(tmp_path, NODE, row))


def test_all_mistakes_of_a_sheet_are_told_at_once_and_secrets_are_not(tmp_path: Path) -> None:
    bad = {**NODE, "name": "A B", "latitude": "91", "wifi": "w", "wifi_password": "đừng nói ra", "password": "ngắn"}
    path = sheet(tmp_path, bad, {**NODE, "devices": ""}, {**NODE, "expires": "x", "token": "đừng nói ra"}, NODE, NODE)
    assert problems(path) == {
        (2, "name", "card.name"),
        (2, "latitude", "card.degrees"),
        (2, "wifi_password", "card.wifi_password"),
        (2, "password", "card.password"),
        (3, "devices", "card.cell_missing"),
        (4, "hub", "card.enrol_half"),
        (4, "pin", "card.enrol_half"),
        (4, "token", "card.token"),
        (4, "expires", "card.instant"),
        (6, "name", "card.name_twice"),
    }
    result = run(path)
    assert result.exit_code == 2
    assert "hàng 4, cột hub" in result.stderr
    assert "đừng nói ra" not in result.output


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"ssh_key": ""}, "ssh_key", "card.locked_out"),
        ({"ssh": "không"}, "ssh", "card.locked_out_ssh"),
        ({"ssh": "không", "password": PASSWORD}, "ssh", "card.locked_out_ssh"),
        ({"ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "ssh_key", "card.ssh_private"),
        ({"ssh_key": SSH_KEY.replace("ssh-ed25519 ", "ssh-rsa ")}, "ssh_key", "card.ssh_key"),
        ({"expires": "2020-01-01T00:00:00+07:00"}, "expires", "card.expired"),
        ({"wifi_password": WIFI_PASSWORD}, "wifi", "card.wifi_missing"),
        ({"devices": "loa-camera"}, "camera", "card.devices_asks"),
    ],
)
def test_what_would_lock_the_installer_out_or_not_work_is_refused(
    cells: dict[str, str], column: str, code: str, tmp_path: Path
) -> None:
    assert (2, column, code) in problems(sheet(tmp_path, {**NODE, **TRUSTED, **cells}))


def test_with_ssh_off_a_keyboard_and_a_password_are_a_way_in(tmp_path: Path) -> None:
    row = {**NODE, "ssh": "không", "keyboard": "us", "password": PASSWORD}
    assert told(sheet(tmp_path, row))["ok"]


def test_an_own_fragment_of_devices_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "hop.yaml").write_text("drivers:\n- {id: card, driver: no-such}\nspeakers: []\n", encoding="utf-8")
    path = sheet(tmp_path, {**NODE, "devices": "hop.yaml"})
    told_problem = told(path)["problems"][0]
    assert (told_problem["column"], told_problem["code"]) == ("devices", "card.devices_wrong")
    assert "drivers[0].driver" in told_problem["text"]
    for text, code in [
        ("node: {}", "card.devices_shape"),
        ("a: [", "card.devices_yaml"),
        ("x: '{pin}'", "card.devices_gap"),
    ]:
        (tmp_path / "hop.yaml").write_text(text, encoding="utf-8")
        assert problems(path) == {(2, "devices", code)}
    assert problems(sheet(tmp_path, {**NODE, "devices": "nowhere.yaml"})) == {(2, "devices", "card.devices_unreadable")}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"PK\x03\x04 an Excel workbook", "card.sheet_workbook"),
        ("Tên nút;Tên gọi".encode("cp1258", "replace") + b"\xff\xfe", "card.sheet_encoding"),
        (b"{broken", "card.sheet_broken"),
        (b'[1, "two"]', "card.sheet_json"),
        (b"[" * 5000, "card.sheet_broken"),
        (b"x" * 4_000_001, "card.sheet_too_big"),
    ],
)
def test_what_is_no_sheet_is_said_plainly(raw: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "sheet").write_bytes(raw)
    assert told(tmp_path / "sheet")["code"] == code


def test_an_unknown_column_is_a_note_with_what_was_meant(tmp_path: Path) -> None:
    notes = told(sheet(tmp_path, {**NODE, "wifi_pasword": WIFI_PASSWORD}))["notes"]
    assert len(notes) == 1 and "wifi_password" in notes[0] and WIFI_PASSWORD not in notes[0]


def test_tokens_of_the_hub_fill_the_rows_of_their_names(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(
        "\n".join(json.dumps({"name": name, **TRUSTED}) for name in ("x", NODE["name"])), encoding="utf-8"
    )
    boot = tmp_path / "bootfs"
    boot.mkdir()
    run(sheet(tmp_path, NODE), "--tokens", tokens, "--to", boot, "--system", "trixie")
    assert json.loads((boot / "edge-agent/enrol.json").read_bytes())["token"] == TOKEN
    tokens.write_text(json.dumps({"name": NODE["name"], "commune": "26735", "card": TRUSTED}), encoding="utf-8")
    assert problems(sheet(tmp_path, NODE), "--tokens", tokens) == {(2, "commune", "card.token_commune")}
    tokens.write_text("nonsense", encoding="utf-8")
    assert told(sheet(tmp_path, NODE), "--tokens", tokens)["code"] == "card.tokens_broken"


CELL = (
    st.text(max_size=40)
    | st.sampled_from([value for value, _ in WRONG.values()])
    | st.sampled_from(list(NODE.values()))
)
ROW = st.dictionaries(st.sampled_from(sorted(COLUMNS)) | st.text(max_size=10), CELL, max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-16")))
def test_any_bytes_are_a_sheet_or_a_sentence(raw: bytes) -> None:
    try:
        assert parse(raw).rows
    except CardFault as fault:
        assert fault.text() != fault.code
    except SheetFault as fault:
        assert all(problem.text() != problem.code for problem in fault.problems)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW.map(lambda row: {**NODE, **row}), min_size=1, max_size=4), st.sampled_from(";,\t"))
def test_any_cells_are_boxes_or_sentences_with_a_place(rows: list[dict[str, str]], delimiter: str) -> None:
    from datetime import UTC, datetime

    from edge_agent.card.checked import Common, checked

    try:
        read = parse(table(rows, delimiter).encode("utf-8", "surrogatepass"))
        boxes = checked(read.rows, Common(), datetime(2026, 11, 23, tzinfo=UTC))
    except CardFault as fault:
        assert fault.text() != fault.code
    except SheetFault as fault:
        assert fault.problems and all(problem.text() != problem.code for problem in fault.problems)
    else:
        assert [box.name for box in boxes] == [row.cells["name"] for row in read.rows]
        assert all(box.way.password or box.way.ssh_keys for box in boxes)
