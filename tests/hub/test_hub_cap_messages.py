"""CAP files: what is read of them, and what is refused, with its place."""

import re
import subprocess
import sys

import pytest
from cap_rig import AlertOf, InfoOf, area
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cap.message import Certainty, MsgType, Scope, Severity, Status
from hub.cap.parse import CapError, parse
from hub.cap.problems import sentence
from hub.cap.xml import MAX_BYTES

UNFILLED = re.compile(r"\((path|line|value|known|limit|kind|why)\)")


def wrong(data: bytes) -> list[tuple[str, str]]:
    """Keys and paths of what is wrong with it; every one has its sentences."""
    with pytest.raises(CapError) as caught:
        parse(data)
    for problem in caught.value.problems:
        for language in ("vi", "en"):
            words = sentence(problem, language)
            assert UNFILLED.search(words) is None, words
    return [(problem.key, problem.path) for problem in caught.value.problems]


def changed(old: str, new: str) -> bytes:
    text = AlertOf().xml().decode()
    assert old in text
    return text.replace(old, new).encode()


def test_everything_that_a_message_says_is_read() -> None:
    first = AlertOf("a-1")
    update = first.after(
        "a-2", "Update", infos=(InfoOf(parameters={"RiskLevel": "3"}, response="Evacuate"), InfoOf("en"))
    )
    alert = parse(update.xml())
    assert (alert.identifier, alert.status, alert.msg_type) == ("a-2", Status.ACTUAL, MsgType.UPDATE)
    assert alert.scope is Scope.PUBLIC
    assert alert.references[0].identifier == "a-1" and alert.references[0].sent == first.sent
    info = alert.infos[0]
    assert info.speaks("vi") and alert.infos[1].speaks("en")
    assert (info.severity, info.certainty) == (Severity.EXTREME, Certainty.OBSERVED)
    assert info.areas[0].polygons[0][0] == (10.0, 106.0)
    assert info.parameters[0].value == "3"
    assert info.headline == "Lũ quét đang về trên suối Đông"
    assert alert.notes == () and not alert.signed


@pytest.mark.parametrize(
    ("declared", "codec", "mark"),
    [
        ("utf-8", "utf-8", b""),
        ("utf-8", "utf-8-sig", b""),
        ("utf-16", "utf-16", b""),
        ("utf-16", "utf-16-le", b"\xff\xfe"),
        ("utf-16", "utf-16-be", b"\xfe\xff"),
    ],
)
def test_a_file_is_read_in_its_encoding(declared: str, codec: str, mark: bytes) -> None:
    text = AlertOf().xml().decode().replace('encoding="UTF-8"', f'encoding="{declared}"')
    assert parse(mark + text.encode(codec)).infos[0].instruction == "Bà con rời khỏi bờ suối ngay."


def test_decomposed_letters_are_composed_and_control_characters_left_out() -> None:
    alert = parse(changed("suối Đông", "suo\u0302\u0301i Đông"))
    assert "suối" in alert.infos[0].headline


@pytest.mark.parametrize(
    ("old", "new", "key", "path"),
    [
        ("<identifier>vn.kttv.2026.1</identifier>", "", "cap.bad_missing", "alert/identifier"),
        ("vn.kttv.2026.1", "vn kttv", "cap.bad_name", "alert/identifier"),
        ("vn.kttv.2026.1", "a,b", "cap.bad_name", "alert/identifier"),
        ("vn.kttv.2026.1", "a&amp;b", "cap.bad_name", "alert/identifier"),
        ("vn.kttv.2026.1", "a&lt;b", "cap.bad_name", "alert/identifier"),
        ("<status>Actual</status>", "<status>Real</status>", "cap.bad_value", "alert/status"),
        ("<status>Actual</status>", "<status>Actual</status><status>Test</status>", "cap.bad_twice", "alert/status"),
        ("<msgType>Alert<", "<msgType>Update<", "cap.bad_no_references", "alert/references"),
        ("<msgType>Alert<", "<msgType>Cancel<", "cap.bad_no_references", "alert/references"),
        ("<scope>Public<", "<scope>Restricted<", "cap.bad_missing", "alert/restriction"),
        ("<scope>Public<", "<scope>Private<", "cap.bad_missing", "alert/addresses"),
        ("<info>", "<references>a,b</references><info>", "cap.bad_reference", "alert/references"),
        ("<info>", "<references>a,b,yesterday</references><info>", "cap.bad_time", "alert/references"),
        ("<urgency>Immediate</urgency>", "", "cap.bad_missing", "alert/info[1]/urgency"),
        ("<category>Met</category>", "", "cap.bad_missing", "alert/info[1]/category"),
        ("<category>Met</category>", "<category>Rain</category>", "cap.bad_value", "alert/info[1]/category"),
        ("<event>", "<made-up/><event>", "cap.bad_unknown", "alert/info[1]/made-up"),
        ("<event>Lũ", "<event><language/>Lũ", "cap.bad_nested", "alert/info[1]/event[1]"),
        (" 10.0,106.0<", " 10.0,106.1<", "cap.bad_polygon_open", "alert/info[1]/area[1]/polygon[1]"),
        ("11.0,106.0 11.0,107.0 10.0,107.0 ", "", "cap.bad_polygon_short", "alert/info[1]/area[1]/polygon[1]"),
        ("11.0,106.0", "106.0,11.0", "cap.bad_point", "alert/info[1]/area[1]/polygon[1]"),
        ("11.0,106.0", "nan,inf", "cap.bad_point", "alert/info[1]/area[1]/polygon[1]"),
        ("<areaDesc>Huyện Cái Bè</areaDesc>", "", "cap.bad_missing", "alert/info[1]/area[1]/areaDesc"),
        ("</polygon>", "</polygon><circle>10,106</circle>", "cap.bad_circle", "alert/info[1]/area[1]/circle[1]"),
        ("</polygon>", "</polygon><circle>10,106 -5</circle>", "cap.bad_circle", "alert/info[1]/area[1]/circle[1]"),
        ("cap:1.2", "cap:1.1", "cap.bad_version", "alert"),
        ("cap:1.2", "other", "cap.bad_root", "alert"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, key: str, path: str) -> None:
    assert (key, path) in wrong(changed(old, new))


@pytest.mark.parametrize(
    "time",
    ["2026-11-23T05:00:00", "2026-11-23", "23/11/2026", "2026-13-01T00:00:00+07:00", "9999-12-31T23:59:59-14:00"],
)
def test_times_need_their_offset_and_must_be_times(time: str) -> None:
    text = AlertOf().xml().decode()
    begin, end = text.index("<sent>") + 6, text.index("</sent>")
    assert wrong((text[:begin] + time + text[end:]).encode()) == [("cap.bad_time", "alert/sent")]


def test_what_is_not_as_the_standard_has_it_but_clear_is_taken_and_noted() -> None:
    text = AlertOf().xml().decode()
    begin, end = text.index("<sent>") + 6, text.index("</sent>")
    odd = text[:begin] + "2026-11-23T05:00:00.5Z" + text[end:]
    odd = odd.replace("<certainty>Observed<", "<certainty>Very Likely<").replace("<info>", '<x xmlns="urn:x"/><info>')
    alert = parse(odd.encode())
    assert alert.infos[0].certainty is Certainty.LIKELY
    assert set(alert.notes) == {"cap.note_time", "cap.note_very_likely", "cap.note_foreign"}


def test_all_mistakes_are_told_at_once() -> None:
    data = changed("<status>Actual<", "<status>Foo<").replace(b"<urgency>Immediate<", b"<urgency>Now<")
    assert wrong(data) == [("cap.bad_value", "alert/status"), ("cap.bad_value", "alert/info[1]/urgency")]


HEAD = '<?xml version="1.0"?>'
BODY = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&x;</identifier></alert>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "an external entity": f'{HEAD}<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{BODY}',
    "an external entity of the web": f'{HEAD}<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]>{BODY}',
    "a parameter entity": f'{HEAD}<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>{BODY}',
    "an external document type": f'{HEAD}<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">{BODY}',
    "a billion laughs": f'{HEAD}<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}<!ENTITY x "&l9;">]>{BODY}',
    "quadratic blow-up": f'{HEAD}<!DOCTYPE a [<!ENTITY x "{"h" * 100_000}">]>{BODY.replace("&x;", "&x;" * 50_000)}',
    "a bare document type": f"{HEAD}<!DOCTYPE a>{BODY}",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_refused(name: str, encoding: str) -> None:
    assert wrong(HOSTILE[name].encode(encoding)) == [("cap.xml_doctype", "")]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "cap.xml_empty"),
        (b"   \n", "cap.xml_empty"),
        (b"x" * (MAX_BYTES + 1), "cap.xml_large"),
        (b"<a>" * 100 + b"</a>" * 100, "cap.xml_deep"),
        (b"<a>" + b"<b/>" * 30_000 + b"</a>", "cap.xml_many"),
        (b"<alert>", "cap.xml_xml"),
        (b"<a/><b/>", "cap.xml_xml"),
        (b"not xml", "cap.xml_xml"),
        (b"\xff\xd8\xff\xe0JFIF", "cap.xml_xml"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "cap.xml_encoding"),
        (b"<a>&undefined;</a>", "cap.xml_xml"),
        (b"<x:a/>", "cap.xml_xml"),
    ],
)
def test_what_is_no_reasonable_xml_is_refused(data: bytes, key: str) -> None:
    assert wrong(data) == [(key, "")]


def test_more_corners_than_a_map_needs_are_refused() -> None:
    ring = " ".join(["10.0,106.0", *(f"10.{n},106.{n}" for n in range(10_100)), "10.0,106.0"])
    assert ("cap.bad_points", "alert/info[1]/area[1]/polygon[1]") in wrong(
        AlertOf(infos=(InfoOf(areas=area(polygon=ring)),)).xml()
    )


GOOD = AlertOf(infos=(InfoOf(), InfoOf("en", areas=area(circle="10.5,106.5 3.2", GSO="29401")))).xml()
PIECES = [
    b"<",
    b">",
    b"&",
    b"<!DOCTYPE a>",
    b"<!ENTITY b 'c'>",
    b"]]>",
    b"<![CDATA[",
    b"\x00",
    b"\xff\xfe",
    b"&#0;",
    b"<alert>",
]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GOOD)), st.integers(0, 60), st.one_of(st.sampled_from(PIECES), st.binary(max_size=20))
        ),
        min_size=1,
        max_size=6,
    )
)
def test_spoiled_files_never_do_more_than_be_refused(cuts: list[tuple[int, int, bytes]]) -> None:
    data = GOOD
    for at, length, piece in cuts:
        data = data[:at] + piece + data[at + length :]
    try:
        parse(data)
    except CapError as error:
        assert error.problems


@settings(max_examples=200)
@given(st.binary(max_size=3000))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(CapError):
        parse(data)


_IN_LITTLE_MEMORY = """
import resource, sys
from hub.cap.parse import CapError, parse
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
try:
    parse(sys.stdin.buffer.read())
    print("read")
except CapError as error:
    print(error.problems[0].key)
"""


@pytest.mark.parametrize(
    "data",
    [
        HOSTILE["a billion laughs"].encode(),
        HOSTILE["quadratic blow-up"].encode()[:MAX_BYTES],
        b"<a " + b" ".join(b'a%d="%s"' % (n, b"x" * 40) for n in range(15_000)) + b"/>",
        b"<a>" + b"<b>x</b>" * 19_000 + b"</a>",
        b"<a>" + b"&#x1EA3;" * 120_000 + b"</a>",
    ],
    ids=["laughs", "quadratic", "attributes", "elements", "references"],
)
def test_hostile_files_stay_within_little_memory(data: bytes) -> None:
    child = [sys.executable, "-c", _IN_LITTLE_MEMORY]
    done = subprocess.run(child, input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[-500:]
    assert done.stdout.decode().startswith("cap.")
