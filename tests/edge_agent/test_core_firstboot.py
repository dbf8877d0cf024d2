"""A card becomes a node, whatever laptop wrote it and whenever the power goes; and the card tells how it went."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from identity_rig import SmallHub, enrol_json, small_hub

from edge_agent.cli import enrol as enrol_command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.firstboot import boot, card, journal
from edge_agent.firstboot.boot import FirstBoot
from edge_agent.firstboot.card import Card
from edge_agent.firstboot.journal import Journal
from edge_agent.firstboot.result import Result
from edge_agent.firstboot.system import Answer, System
from edge_agent.firstboot.telling import Teller
from edge_agent.firstboot.text import NotText, decoded
from edge_agent.identity.enrolment import FINAL, enrol
from edge_agent.identity.folder import IdentityFolder
from edge_agent.store import files

NODE = """# Cụm loa thôn Đông
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
storage: {path: state}
identity: {folder: identity}
"""


class Bench(System):
    """The machine of a test: it enrols in this process, has an agent that is connected, and remembers what it said."""

    def __init__(self) -> None:
        super().__init__("", "")
        self.started: list[bool] = []
        self.said: list[str] = []
        self.floors: list[datetime] = []

    def start_agent(self, *, again: bool) -> None:
        self.started.append(again)

    def enrol(self, config: Path, enrolment: bytes, floor: datetime) -> Answer:
        self.floors.append(floor)
        told = enrol_command.CardEnrolment.model_validate_json(enrolment)
        try:
            enrol(IdentityFolder(config.parent / "identity"), "thon-dong-1", "26734", told, floor)
        except Refusal as refusal:
            return Answer(refusal.fault, refusal.fault.code in FINAL)
        return Answer(None)

    def connected(self, storage: Path) -> bool:
        return True

    def speak(self, text: str, storage: Path | None) -> None:
        self.said.append(text)


class Box:
    """A card in a box."""

    def __init__(self, folder: Path) -> None:
        self.fat = folder / "fat"
        self.card = self.fat / "edge-agent"
        self.card.mkdir(parents=True)
        self.config = folder / "etc/node.yaml"
        self.journal = folder / "journal"
        self.bench = Bench()
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def put(self, name: str, text: str | bytes) -> None:
        (self.card / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def boot(self, tries: float = 1) -> Result:
        found = Card.found([self.fat])
        assert found is not None

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.on_sleep()

        return FirstBoot(found, self.config, Journal(self.journal), self.bench, sleep=sleep, tries=tries).run()

    def told(self) -> str:
        raw = (self.card / "KET-QUA.txt").read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\n") == raw.count(b"\r\n")
        return raw.decode("utf-8-sig")

    def program(self) -> dict[str, object]:
        told: dict[str, object] = json.loads((self.card / "ket-qua.json").read_bytes())
        return told

    @property
    def trusted(self) -> bool:
        return IdentityFolder(self.config.parent / "identity").read() is not None


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    with small_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, hub: SmallHub) -> Box:
    hub.used.clear()
    hub.answer = lambda _path, status, body: (status, body)
    made = Box(tmp_path)
    made.put("node.yaml", NODE)
    made.put("enrol.json", enrol_json(hub))
    return made


def test_a_card_becomes_a_trusted_node_and_keeps_no_token(box: Box) -> None:
    result = box.boot()
    assert result.state == "ready" and box.trusted
    assert box.config.read_text() == NODE and box.bench.started == [True]
    assert "SẴN SÀNG" in box.told() and "READY" in box.told() and "Cụm loa thôn Đông (26734/thon-dong-1)" in box.told()
    assert box.program()["state"] == "ready"
    assert not (box.card / "enrol.json").exists()
    assert box.bench.said == ["Nút Cụm loa thôn Đông đã sẵn sàng."]


def test_the_next_boot_changes_nothing(box: Box) -> None:
    box.boot()
    before = box.config.stat().st_mtime_ns
    box.config.write_text(NODE + "telemetry: {every_s: 30}\n")  # somebody has changed it since
    assert box.boot().state == "ready"
    assert "every_s" in box.config.read_text() and box.config.stat().st_mtime_ns != before
    assert box.bench.started == [True, False] and len(box.bench.floors) == 1
    assert len(box.bench.said) == 1, "a pole does not call out at each power cut of the night"
    box.config.unlink()
    assert box.boot().state == "ready" and box.config.read_text() == NODE, "what was lost comes from the card again"


def test_without_a_token_a_box_says_that_it_is_not_enrolled(box: Box) -> None:
    (box.card / "enrol.json").unlink()
    result = box.boot()
    assert (result.state, result.fault.code) == ("failed", "identity.none") and box.bench.started == [True]


def test_what_is_still_wrong_is_not_said_again_at_night(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    (box.card / "enrol.json").unlink()
    for day in (False, False, True):
        monkeypatch.setattr(Teller, "_by_day", lambda _self, _node, day=day: day)
        box.boot()
    assert len(box.bench.said) == 2


LAPTOPS = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "old Mac": lambda text: text.replace("\n", "\r").encode(),
    "UTF-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 big end": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without mark": lambda text: text.encode("utf-16-le"),
}


@pytest.mark.parametrize("laptop", LAPTOPS)
def test_a_card_may_be_written_by_any_laptop(box: Box, hub: SmallHub, laptop: str) -> None:
    (box.card / "node.yaml").unlink()
    (box.card / "enrol.json").unlink()
    box.put("NODE.YAML.TXT", LAPTOPS[laptop](NODE))
    box.put("Enrol.JSON", LAPTOPS[laptop](enrol_json(hub)))
    box.card.rename(box.fat / "EDGE-AGENT")
    box.card = box.fat / "EDGE-AGENT"
    assert box.boot().state == "ready" and box.config.read_text() == NODE


def test_a_configuration_with_mistakes_is_told_line_by_line_and_the_old_one_stays(box: Box) -> None:
    box.boot()
    box.put("node.yaml", NODE.replace("title:", "titel:") + "lights: [{id: den}]\n")
    result = box.boot()
    assert result.state == "failed" and result.fault.code == "identity.card_bad_node"
    told = box.told()
    assert "Dòng 2, node.titel" in told and "title" in told and "lights[0].line" in told and "CẦN NGƯỜI SỬA" in told
    assert box.config.read_text() == NODE and box.bench.started == [True, False], "the box works on"
    assert "chưa sẵn sàng" in box.bench.said[-1]
    assert not list(box.config.parent.glob(".node*"))


BAD_CONFIGS = {
    "binary": (b"\x00\x01\x02" * 50, "identity.card_unreadable"),
    "not text": (b"node: \xff\xfe\xfa", "identity.card_unreadable"),
    "too large": (b"#" * 1_100_000, "identity.card_unreadable"),
    "empty": (b"", "identity.card_bad_node"),
    "not YAML": (b"node: [", "identity.card_bad_node"),
}


@pytest.mark.parametrize("kind", BAD_CONFIGS)
def test_a_card_with_rubbish_ends_in_a_sentence(box: Box, kind: str) -> None:
    raw, code = BAD_CONFIGS[kind]
    box.put("node.yaml", raw)
    result = box.boot()
    assert (result.state, result.fault.code) == ("failed", code)
    assert code in box.told() and box.bench.started == [] and box.bench.said[0].startswith("Nút Hộp này chưa sẵn sàng")


def test_a_card_without_configuration_says_so(box: Box) -> None:
    (box.card / "node.yaml").unlink()
    assert box.boot().fault.code == "identity.card_no_node"


BAD_TOKENS = {
    "no JSON": "hello",
    "an array": "[]",
    "deep": "[" * 50_000,
    "too little": '{"hub": "https://10.0.0.2:8443"}',
    "a wrong pin": '{"hub":"https://h:1","pin":"sha256:12","token":"secret-secret-secret","expires":"2099-01-01T00:00:00Z"}',
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_useless_enrolment_file_is_told_without_its_words(box: Box, kind: str) -> None:
    box.put("enrol.json", BAD_TOKENS[kind])
    result = box.boot()
    assert (result.state, result.fault.code) == ("failed", "identity.card_bad_enrol")
    assert "secret-secret" not in box.told() + json.dumps(box.program()) and box.bench.started == [True]


def test_refusals_of_the_hub_end_it_and_are_told(box: Box, hub: SmallHub) -> None:
    for code in sorted(FINAL - {"identity.address"}):
        hub.answer = lambda path, status, body, code=code: (
            (403, Fault.of(code, name="thon-dong-1", at="2026-01-01", commune="26734", detail="x").body())
            if "enrol" in path
            else (status, body)
        )
        result = box.boot(tries=9)
        assert (result.state, result.fault.code) == ("failed", code)
        assert code in box.told() and not box.slept and (box.card / "enrol.json").exists()


def test_no_network_for_a_day_and_then_there_is_one(box: Box, hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps: set[int] = set()

    def away(*_: object) -> Answer:
        return Answer(Fault.of("enrol.unreachable", hub="h", detail="x"))

    def on_sleep() -> None:
        stamps.add((box.card / "KET-QUA.txt").stat().st_mtime_ns)
        assert box.program()["state"] == "waiting" and "TỰ THỬ LẠI" in box.told()
        if len(box.slept) == 1500:
            monkeypatch.undo()

    monkeypatch.setattr(box.bench, "enrol", away)
    box.on_sleep = on_sleep
    assert box.boot(tries=2000).state == "ready"
    assert len(box.slept) == 1500 and max(box.slept) <= 60 and sum(box.slept) > 6 * 3600
    assert len(stamps) == 1, "the card is not written again and again"
    assert len(box.bench.said) == 2, "said once, not 1500 times; and that it is ready"


def test_an_unbelieved_clock_is_given_the_time_of_the_card(box: Box) -> None:
    os.utime(box.card / "enrol.json", (2_000_000_000, 2_000_000_000))
    box.boot()
    assert box.bench.floors[0].timestamp() == 2_000_000_000


def test_a_wrong_pin_waits_and_says_that_somebody_pretends(box: Box, hub: SmallHub) -> None:
    box.put("enrol.json", enrol_json(hub, pin="sha256:" + "0" * 64))
    result = box.boot()
    assert (result.state, result.fault.code) == ("waiting", "enrol.pin") and not hub.used


def test_a_full_card_and_a_read_only_card_do_not_keep_a_box_from_working(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put("KET-QUA.txt", "x" * 4000)

    def full(path: Path, content: bytes, mode: int = 0) -> None:
        if box.card in path.parents:
            raise OSError(28, "No space left on device", str(path))
        files.write_atomically(path, content, mode)

    monkeypatch.setattr(card, "write_atomically", full)
    assert box.boot().state == "ready"
    assert "SẴN SÀNG" in box.told() and "xxx" not in box.told(), "written in place"

    def read_only(path: Path) -> None:
        raise OSError(30, "Read-only file system", str(path))

    box.put("enrol.json", b"{}")
    monkeypatch.setattr(Card, "write", lambda _self, name, _text: read_only(Path(name)))
    monkeypatch.setattr(Card, "wipe", lambda _self, path: read_only(path))
    assert box.boot().fault.code == "identity.card_bad_enrol"
    assert len(box.bench.said) == 2


def test_a_read_only_card_keeps_the_token_but_it_is_used_up(
    box: Box, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(_self: Card, path: Path) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Card, "wipe", read_only)
    result = box.boot()
    assert result.state == "ready" and [note.code for note in result.notes] == ["identity.card_not_wiped"]
    asked = len(hub.asked)
    assert box.boot().state == "ready" and len(hub.asked) == asked


def test_secrets_move_off_the_card(box: Box) -> None:
    (box.card / "secrets").mkdir()
    box.put("secrets/camera", "very secret")
    assert box.boot().state == "ready"
    kept = box.config.parent / "secrets/camera"
    assert kept.read_text() == "very secret" and kept.stat().st_mode & 0o777 == 0o640
    assert not list((box.card / "secrets").iterdir())


def test_what_is_wiped_is_overwritten_first(tmp_path: Path) -> None:
    path = tmp_path / "enrol.json"
    path.write_text("the token")
    with path.open("rb") as held:
        Card(tmp_path).wipe(path)
        assert held.read() == bytes(len("the token")) and not path.exists()


class PowerCut(BaseException):
    pass


def test_the_power_goes_at_every_step(tmp_path: Path, hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write, rename, wipe and question may be the last; the boot after it ends in a trusted node all the same."""
    cuts = 0
    for steps in range(200):
        hub.used.clear()
        box = Box(tmp_path / str(steps))
        box.put("node.yaml", NODE)
        box.put("enrol.json", enrol_json(hub))
        (box.card / "secrets").mkdir()
        box.put("secrets/camera", "very secret")
        left = [steps]

        def cut(real: Callable[..., object], left: list[int] = left) -> Callable[..., object]:
            def step(*args: object, **kwargs: object) -> object:
                if left[0] == 0:
                    raise PowerCut
                left[0] -= 1
                done = real(*args, **kwargs)
                if left[0] == 0:
                    raise PowerCut
                return done

            return step

        with monkeypatch.context() as patch:
            for module in (boot, card, journal):
                patch.setattr(module, "write_atomically", cut(files.write_atomically))
            patch.setattr("edge_agent.identity.folder.write_atomically", cut(files.write_atomically))
            patch.setattr("edge_agent.identity.keystore.write_atomically", cut(files.write_atomically))
            patch.setattr("edge_agent.identity.enrolment.ask", cut(enrol.__globals__["ask"]))
            for name in ("replace", "unlink"):
                patch.setattr(Path, name, cut(getattr(Path, name)))
            try:
                box.boot()
                finished = True
            except PowerCut:
                cuts, finished = cuts + 1, False
        assert box.boot().state == "ready", f"cut after {steps} steps"
        assert box.trusted and not (box.card / "enrol.json").exists() and box.config.read_text() == NODE
        assert (box.config.parent / "secrets/camera").read_text() == "very secret"
        if finished:
            break
    assert cuts > 25 and finished


def test_text_is_read_or_refused() -> None:
    assert decoded("Đông\r\n".encode("utf-16")) == "Đông\n"
    for rubbish in (b"\xff\xfe\x00", b"a\x00b", b"\xc3\x28"):
        with pytest.raises(NotText):
            decoded(rubbish)
