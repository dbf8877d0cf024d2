"""A node's YAML: every mistake at once, each with its place, its sentence and what was probably meant; no secret."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent import words
from edge_agent.config.load import Loaded, dotted, load
from edge_agent.config.problems import ConfigProblem

GOOD = """\
node:
  commune: "26734"
  name: thon-dong-1
  title: Cụm loa thôn Đông
  position: {latitude: 21.03, longitude: 105.85}
broker:
  url: mqtt://10.0.0.2:1883
  username: node
  password: {env: BROKER_PASSWORD}
hub:
  url: http://10.0.0.2:8080
  token: {file: /etc/edge/token}
command_keys:
  - id: hub-1
    public: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
drivers:
  - id: relays
    driver: simulated-relay
    lines: {"1": {name: Cổng}, "2": {}}
  - id: horn
    driver: file-speaker
lights:
  - id: cong
    name: Đèn cổng
    line: relays/1
    programme: {on: sunset-15m, off: 22:30}
speakers:
  - id: loa-1
    name: Loa
    driver: horn
cameras:
  - id: cong
    name: Cổng
    url: rtsp://10.0.0.20/stream2
    username: admin
    password: {file: /etc/edge/camera}
"""
PUBLIC = "A" * 43


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")


_count = itertools.count()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@pytest.fixture
def check(folder: Path):
    def loaded(text: str | bytes) -> Loaded:
        file = folder / f"{next(_count)}.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        try:
            return load(file)
        finally:
            file.unlink()

    return loaded


def found(loaded: Loaded) -> list[tuple[str, str, int]]:
    return [(problem.path, problem.code, problem.place.line) for problem in loaded.problems]


def only(loaded: Loaded) -> ConfigProblem:
    assert loaded.config is None
    assert len(loaded.problems) == 1, found(loaded)
    return loaded.problems[0]


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_good_file_is_good(check) -> None:
    loaded = check(GOOD)
    assert loaded.problems == []
    config = loaded.config
    assert config is not None
    assert config.broker.parts() == (False, "10.0.0.2", 1883)
    assert config.lights[0].programme is not None
    assert (config.lights[0].programme.on, config.lights[0].programme.off) == ("sunset-15m", "22:30")
    assert config.drivers[0].settings() == {"lines": {"1": {"name": "Cổng"}, "2": {}}}


MANY = """\
node:
  commune: 26734
  name: Thôn Đông
  titel: Cụm loa
  position: {latitude: 210, longitude: east}
  timezone: Asia/Hanoi
  language: vn
broker:
  url: mqtt://boss:s3cr3t-one@10.0.0.2
  pasword: {env: X}
hub:
  url: http://me:s3cr3t-two@hub
  token: s3cr3t-three
command_keys: []
drivers:
  - id: relays
    driver: simulated-rely
  - id: relays
    driver: file-speaker
    kep: 5
  - id: board
    driver: simulated-relay
    lines: {"1": {}}
lights:
  - id: cong
    name: Cổng
    line: board/1
  - id: cong
    name: Sân
    line: board/1
    default: 50
  - id: ao
    name: Ao
    line: board/7
    programme: {on: lúc tối}
  - id: be
    name: Bể
    line: bord/1
    zone: 3
    zone: 4
speakers:
  - id: loa
    name: ""
    driver: hron
cameras:
  - id: c1
    name: C1
    url: rtsp://admin:s3cr3t-four@10.0.0.20/1
  - id: c2
    name: C2
    url: rtsp://10.0.0.20/1?password=s3cr3t-five
    password: {s3cr3t-six}
  - id: c3
    name: C3
    url: rtsp://10.0.0.20/1
    password: {file: /a, env: B}
    retention: {bytes: 5}
    record: maybe
telemetry:
  every_s: 1.5
"""

EXPECTED = [
    ("node.commune", "config.text", "commune: 26734", ""),
    ("node.name", "config.name", "name: Thôn Đông", ""),
    ("node.title", "config.missing", "node:", ""),
    ("node.titel", "config.unknown_key", "titel:", "title"),
    ("node.position.latitude", "config.too_large", "latitude: 210", ""),
    ("node.position.longitude", "config.number", "longitude: east", ""),
    ("node.timezone", "config.timezone", "Asia/Hanoi", ""),
    ("node.language", "config.choice", "language: vn", ""),
    ("broker.url", "config.broker_secret", "mqtt://boss", ""),
    ("broker.pasword", "config.unknown_key", "pasword:", "password"),
    ("hub.url", "config.hub_url", "http://me", ""),
    ("hub.token", "config.section", "token:", ""),
    ("command_keys", "config.empty", "command_keys:", ""),
    ("drivers[0].driver", "config.unknown_driver", "simulated-rely", "simulated-relay"),
    ("drivers[1].id", "config.same_id", 18, ""),
    ("drivers[1].kep", "config.unknown_key", "kep:", "keep"),
    ("lights[1].id", "config.same_id", 28, ""),
    ("lights[1].line", "config.line_taken", 30, ""),
    ("lights[1].default", "config.not_dimmable", "default: 50", ""),
    ("lights[2].line", "config.no_line", "board/7", ""),
    ("lights[2].programme.on", "config.moment", "lúc tối", ""),
    ("lights[3].line", "config.no_driver", "bord/1", "board"),
    ("lights[3].zone", "config.text", 39, ""),
    ("lights[3].zone", "config.twice", 40, ""),
    ("speakers[0].name", "config.empty", 'name: ""', ""),
    ("speakers[0].driver", "config.no_driver", "hron", ""),
    ("cameras[0].url", "config.camera_secret", "admin:", ""),
    ("cameras[1].url", "config.camera_secret", "?password=", ""),
    ("cameras[1].password.…", "config.unknown_key", "password: {s3", ""),
    ("cameras[1].password", "config.one_secret", "password: {s3", ""),
    ("cameras[2].password", "config.one_secret", "file: /a", ""),
    ("cameras[1].password", "config.camera_no_user", "password: {s3", ""),
    ("cameras[2].password", "config.camera_no_user", "file: /a", ""),
    ("cameras[2].retention.bytes", "config.too_small", "retention: {bytes: 5}", ""),
    ("cameras[2].record", "config.truth", "record: maybe", ""),
    ("telemetry.every_s", "config.whole", "every_s: 1.5", ""),
]


def test_all_mistakes_at_once_each_with_place_and_guess(check) -> None:
    loaded = check(MANY)
    assert loaded.config is None
    told = {(p.path, p.code): (p.place.line, p.meant) for p in loaded.problems}
    for path, code, place, meant in EXPECTED:
        if (path, code) == ("cameras[1].password", "config.one_secret"):
            continue  # the model stops at the unknown key
        line = place if isinstance(place, int) else line_of(MANY, place)
        assert (path, code) in told, f"{path} {code}: {sorted(told)}"
        assert told[path, code] == (line, meant), (path, code)
    assert len(told) == len(loaded.problems) == len(EXPECTED) - 1, set(told) - {each[:2] for each in EXPECTED}
    assert [p.place.line for p in loaded.problems] == sorted(p.place.line for p in loaded.problems)


ENGLISH = re.compile(r"\b(must|should|the|input|valid|value|string|expected|field|is|not|error|found|extra)\b", re.I)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_sentences_are_in_the_language_and_without_any_secret(check, language) -> None:
    words.speak(language)
    for problem in check(MANY).problems:
        text = problem.text()
        everything = f"{text}{problem.as_json()}{problem!r}"
        assert "s3cr3t" not in everything
        assert text != problem.code and "{" not in text.replace("{file: …}", ""), text
        if language == "vi":
            assert not ENGLISH.search(re.sub(r"“[^”]*”", "", text)), text
        else:
            assert text.isascii() or "“" not in text
        assert problem.code != "config.wrong", text


def test_the_places_name_the_file_and_column(check) -> None:
    problem = only(check(GOOD.replace("name: Loa", "nam: Loa\n    name: Loa")))
    assert problem.file.endswith(".yaml")
    assert (problem.place.line, problem.place.column) == (line_of(GOOD, "name: Loa"), 5)
    assert problem.as_json() == {
        "file": problem.file,
        "line": problem.place.line,
        "column": 5,
        "path": "speakers[0].nam",
        "code": "config.unknown_key",
        "text": "Không có khoá “nam”. Có phải ý bạn là “name”?",
        "meant": "name",
    }


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("node:", "nodes:", "node", "config.missing"),
        ("url: mqtt://10.0.0.2:1883", "url: tcp://x", "broker.url", "config.broker_url"),
        ("url: mqtt://10.0.0.2:1883", "url: mqtt://x:99999", "broker.url", "config.broker_url"),
        ("name: thon-dong-1", "name: all", "node.name", "config.node_all"),
        ("name: thon-dong-1", "name: 5", "node.name", "config.text"),
        ("name: thon-dong-1", "name: ~", "node.name", "config.text"),
        ("name: thon-dong-1", "name: [a]", "node.name", "config.text"),
        ('"26734"', "09123", "node.commune", "config.text"),
        ("{latitude: 21.03, longitude: 105.85}", "21.03", "node.position", "config.section"),
        ("latitude: 21.03, ", "", "node.position.latitude", "config.missing"),
        ("latitude: 21.03", "latitude: .nan", "node.position.latitude", "config.number"),
        ("latitude: 21.03", "latitude: 1e999", "node.position.latitude", "config.too_large"),
        (f"public: {PUBLIC}", "public: short", "command_keys[0].public", "config.public_key"),
        (
            f"public: {PUBLIC}",
            f"public: {PUBLIC}\n  - {{id: hub-1, public: {PUBLIC}}}",
            "command_keys[1].id",
            "config.same_id",
        ),
        ("line: relays/1", "line: relays", "lights[0].line", "config.line"),
        ("off: 22:30", "off: 24:30", "lights[0].programme.off", "config.moment"),
        ("off: 22:30", "off: 1350", "lights[0].programme.off", "config.text"),
        ("url: rtsp://10.0.0.20/stream2", "url: http://10.0.0.20", "cameras[0].url", "config.camera_url"),
        ("stream2", "user=admin_password=x_channel=1", "cameras[0].url", "config.camera_secret"),
        ("{env: BROKER_PASSWORD}", "hunter2", "broker.password", "config.section"),
        ("{env: BROKER_PASSWORD}", "{}", "broker.password", "config.one_secret"),
        ("lights:\n  - id: cong", "lights:\n    id: cong", "lights", "config.list"),
        ("name: Đèn cổng", "name: " + "x" * 101, "lights[0].name", "config.too_long"),
        ("driver: horn", "driver: 7", "speakers[0].driver", "config.text"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_one_mistake(check, old: str, new: str, path: str, code: str) -> None:
    assert GOOD.count(old) >= 1
    loaded = check(GOOD.replace(old, new, 1))
    assert loaded.config is None
    assert (path, code) in [(p.path, p.code) for p in loaded.problems], found(loaded)
    assert all(p.code != "config.wrong" for p in loaded.problems), [p.text() for p in loaded.problems]


def test_a_voice_without_its_engine_is_told(check) -> None:
    problem = only(check(GOOD + "voice:\n  chain:\n    - timeout_s: 5\n"))
    assert (problem.path, problem.code, problem.text()) == (
        "voice.chain[0].engine",
        "config.missing",
        "Thiếu khoá “engine”.",
    )
    problem = only(check(GOOD + "voice:\n  chain:\n    - engine: gtss\n"))
    assert (problem.code, problem.meant) == ("config.choice", "gtts")
    problem = only(check(GOOD + "voice:\n  chain:\n    - engine: gtts\n      timout_s: 3\n"))
    assert (problem.path, problem.code) == ("voice.chain[0].timout_s", "config.unknown_key")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "config.not_mapping", 1),
        ("# only a comment\n", "config.not_mapping", 1),
        ("- a\n- b\n", "config.not_mapping", 1),
        ("just words", "config.not_mapping", 1),
        ("node: &a\n  x: [*a, *a]\n", "config.yaml_deep", 0),
        ("node:\n\tname: x\n", "config.yaml_tab", 2),
        ("node:\n  name: x\n title: y\n", "config.yaml_indent", 3),
        ("node:\n  name x\n  title: y\n", "config.yaml_indent", 3),
        ("node: a: b\n", "config.yaml_indent", 1),
        ('node:\n  name: "x\n', "config.yaml_quote", 0),
        ("node: {a: 1\nb: 2\n", "config.yaml_bracket", 0),
        ("node: [1, 2\nlights: 3\n", "config.yaml_bracket", 0),
        ("node: %x\n", "config.yaml_character", 1),
        ("node: \x07\n", "config.yaml_character", 1),
        ("node: 1\n---\nnode: 2\n", "config.yaml_one", 0),
        ("? [a, b]\n: 1\n", "config.yaml_key", 1),
        ("node: *hunter2\n", "config.yaml_mark", 1),
        ("node: !hunter2 x\n", "config.yaml_mark", 1),
        ("node: !!int hunter2\n", "config.yaml_mark", 1),
        ("node: !!python/object/apply:os.system [hunter2]\n", "config.not_mapping_", 1),
        ("[" * 1000, "config.yaml_deep", 0),
        ("a: " + "[" * 1000 + "]" * 1000, "config.yaml_deep", 0),
        ("\n".join(" " * depth + "a:" for depth in range(1000)), "config.yaml_deep", 0),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_configuration_at_all(check, text: str, code: str, line: int) -> None:
    loaded = check(text)
    assert loaded.config is None and loaded.problems
    problem = loaded.problems[0]
    if not code.endswith("_"):
        assert problem.code == code, (problem.code, problem.text())
        assert line in (0, problem.place.line)
    assert "hunter2" not in "".join(f"{p.text()}{p!r}" for p in loaded.problems)
    assert not ENGLISH.search(re.sub(r"“[^”]*”", "", problem.text())), problem.text()


def test_bytes_that_are_no_utf8(check) -> None:
    assert only(check("node: Đông".encode("cp1258", "replace") + b"\xc3\x28")).code == "config.not_utf8"
    assert only(check("node: x".encode("utf-16"))).code == "config.not_utf8"
    assert check(b"\xef\xbb\xbf" + GOOD.encode()).problems == []


def test_a_file_beyond_the_limit_is_not_read(check, folder: Path) -> None:
    assert only(check(b"#" * 1_000_001)).code == "config.too_big"
    assert only(load(Path("/dev/zero"))).code == "config.too_big"
    assert only(load(folder)).code == "config.unreadable"
    assert only(load(folder / "none.yaml")).code == "config.unreadable"


def test_billion_laughs_are_bounded(check) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert only(check("\n".join(lines))).code == "config.yaml_many"


def test_anchors_are_fine_within_reason(check) -> None:
    text = GOOD.replace("programme: {on: sunset-15m, off: 22:30}", "programme: &evening {on: sunset, off: sunrise}")
    text = text.replace("speakers:", "  - {id: san, name: Sân, line: relays/2, programme: *evening}\nspeakers:")
    loaded = check(text)
    assert loaded.problems == []
    assert loaded.config.lights[0].programme == loaded.config.lights[1].programme


def test_scalars_are_what_people_mean(check) -> None:
    for value in ("18:00", "on", "off", "no", "yes", "1_000", "0x10", "2026-11-22", "NaN", "1:2:3"):
        loaded = check(GOOD.replace("title: Cụm loa thôn Đông", f"title: {value}"))
        assert loaded.problems == [], value
        assert loaded.config.node.title == value
    assert check(GOOD.replace("off: 22:30", "off: 06:05")).config.lights[0].programme.off == "06:05"
    assert check(GOOD + "telemetry: {every_s: 030}").config.telemetry.every_s == 30


SECRET = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=6, max_size=20).map(
    lambda text: "Zq9" + text
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60
)
@given(secret=SECRET, place=st.sampled_from(range(9)))
def test_no_secret_is_ever_shown(check, secret: str, place: int) -> None:
    quoted = '"' + secret.replace("\\", "\\\\").replace('"', '\\"') + '"'
    text = [
        GOOD.replace("{env: BROKER_PASSWORD}", quoted),
        GOOD.replace("{env: BROKER_PASSWORD}", secret),
        GOOD.replace("{env: BROKER_PASSWORD}", "{" + quoted + ": 1, " + quoted + ": 2}"),
        GOOD.replace("{file: /etc/edge/token}", f"[{quoted}]"),
        GOOD.replace("{file: /etc/edge/camera}", f"{{value: {quoted}}}"),
        GOOD.replace("rtsp://10.0.0.20", f"rtsp://admin:{secret}@10.0.0.20"),
        GOOD.replace("stream2", f"user=admin&password={secret}"),
        GOOD.replace("mqtt://10.0.0.2", f"mqtt://u:{secret}@10.0.0.2"),
        GOOD.replace("http://10.0.0.2:8080", f"http://u:{secret}@10.0.0.2:8080"),
    ][place]
    for language in ("vi", "en"):
        words.speak(language)
        loaded = check(text)
        assert loaded.config is None
        told = "".join(f"{problem.text()} {problem.as_json()} {problem!r}" for problem in loaded.problems)
        assert secret[:9].rstrip() not in told


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60
)
@given(st.binary(max_size=400) | st.text(max_size=400) | st.text("{}[]&*!|>%@`:-,?# \n\tab'\"", max_size=60))
def test_no_file_does_worse_than_be_refused(check, content) -> None:
    loaded = check(content)
    assert loaded.config is None and loaded.problems
    assert all(problem.text() for problem in loaded.problems)


def test_dotted_paths_hide_what_stands_inside_a_secret() -> None:
    assert dotted(("lights", 0, "line")) == "lights[0].line"
    assert dotted(("cameras", 1, "password", "file")) == "cameras[1].password.file"
    assert dotted(("cameras", 1, "password", "abc")) == "cameras[1].password.…"
