"""`edge-agent plan`: a file of bulletins with recordings, judged and sent to a real HTTP server."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import edge_agent
from edge_agent import words
from edge_agent.cli.bulletins import load_drafts
from edge_agent.cli.plan import command
from edge_agent.cli.planning import upload
from edge_agent.cli.planshown import no_bar
from edge_agent.client import Access
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import MOST_AUDIO_BYTES, Audio, Relay, Text
from edge_agent.media.local import look
from edge_agent.media.upload import MediaStore

REPO = Path(edge_agent.__file__).parent.parent
EXAMPLE = REPO / "configs" / "bulletins" / "segments.yaml"
LATER = "2099-11-23T05:30:00+07:00"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "en")


def tone(path: Path, seconds: float = 0.2, hertz: int = 440) -> bytes:
    """A sound file that ffmpeg made, of the kind that its name says."""
    source = ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}"]
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *source, str(path)],
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return path.read_bytes()


def bulletin(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a", "title": "A", "at": LATER, "segments": list(segments), **more}


def written(folder: Path, *bulletins: dict[str, Any]) -> Path:
    file = folder / "plan.json"
    file.write_text(json.dumps({"bulletins": bulletins}), encoding="utf-8")
    return file


def run(*arguments: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(command, [str(each) for each in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_the_example_is_a_calendar_that_the_contract_takes(tmp_path: Path) -> None:
    file = tmp_path / "segments.yaml"
    shutil.copy(EXAMPLE, file)
    names = set(re.findall(r"file: ([\w.-]+)", file.read_text(encoding="utf-8")))
    sent = {name: tone(tmp_path / name, hertz=200 + 50 * place) for place, name in enumerate(sorted(names))}
    drafts, untaken = load_drafts(file)
    assert [(draft.problems, draft.bulletin is not None) for draft in drafts] == [([], True)] * 2
    assert untaken == []
    first = drafts[0].bulletin
    assert first is not None
    assert [part.kind for part in first.segments] == ["chime", "text", "audio", "pause", "audio", "relay", "chime"]
    _, text, interview, _, song, relay, _ = first.segments
    assert isinstance(text, Text) and isinstance(interview, Audio) and isinstance(song, Audio)
    assert isinstance(relay, Relay) and text.bed is not None and relay.stand_in is not None
    assert relay.stand_in == song.sound and song.clean is False
    assert song.sound.sha256 == hashlib.sha256(sent["dan-ca.mp3"]).hexdigest()
    assert interview.sound.bytes == len(sent["phong-van.mp3"])
    assert text.bed.sha256 == hashlib.sha256(sent["nhac-nen.mp3"]).hexdigest()
    assert len(drafts[0].sounds) == 3 and len(drafts[1].sounds) == 1
    out = run("all", file, "--check").stdout
    assert "2 bulletins would be sent to all, and 4 sounds to the hub" in out


def test_the_page_shows_the_example_as_it_is() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", (REPO / "docs" / "media.md").read_text("utf-8"), re.M | re.S)
    assert text[text.index("bulletins:\n") :] in shown


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg", "m4a"])
def test_each_kind_of_sound_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    content = tone(tmp_path / f"x.{kind}")
    hidden = tmp_path / "no-suffix"
    hidden.write_bytes(content)
    found = look(hidden)
    assert (found.sha256, found.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert found.media_type.startswith("audio/")


def _bad_files(folder: Path) -> None:
    (folder / "page.mp3").write_text("<!doctype html>")
    (folder / "empty.mp3").touch()
    (folder / "folder.mp3").mkdir()
    os.mkfifo(folder / "pipe.mp3")
    with (folder / "large.wav").open("wb") as large:
        large.write(b"RIFF....WAVE")
        large.truncate(MOST_AUDIO_BYTES + 1)
    with wave.open(str(folder / "good.wav"), "wb") as good:
        good.setparams((1, 2, 8000, 0, "NONE", ""))
        good.writeframes(bytes(1600))


SOUND = {"sha256": "ab" * 32, "bytes": 9}


@pytest.mark.parametrize(
    ("segment", "path", "code", "mend"),
    [
        ({"kind": "audio", "file": "none.mp3"}, "file", "plan.sound_unreadable", "relative to"),
        ({"kind": "audio", "file": "page.mp3"}, "file", "plan.no_sound", "convert it"),
        ({"kind": "audio", "file": "folder.mp3"}, "file", "plan.no_sound", "MP3"),
        ({"kind": "audio", "file": "pipe.mp3"}, "file", "plan.no_sound", "MP3"),
        ({"kind": "audio", "file": "empty.mp3"}, "file", "plan.sound_empty", "Export"),
        ({"kind": "audio", "file": "large.wav"}, "file", "plan.sound_too_large", "64 MB"),
        ({"kind": "audio", "file": 7}, "file", "config.text", "text"),
        ({"kind": "audio", "file": "good.wav", "sound": SOUND}, "sound", "plan.two_sounds", "either"),
        ({"kind": "audio", "sound": {"file": "good.wav", **SOUND}}, "sound.file", "plan.two_sounds", "either"),
        ({"kind": "audio"}, "sound", "config.missing", "sound"),
        ({"kind": "text", "text": "a", "bed": {"file": "none.mp3"}}, "bed.file", "plan.sound_unreadable", "relative"),
        ({"kind": "text", "text": "a", "rendered": {"file": "page.mp3"}}, "rendered.file", "plan.no_sound", "MP3"),
        (
            {"kind": "relay", "url": "http://a/", "seconds": 9, "stand_in": {"file": "empty.mp3"}},
            "stand_in.file",
            "plan.sound_empty",
            "Export",
        ),
    ],
)
def test_a_recording_that_cannot_be_sent(
    tmp_path: Path, segment: dict[str, Any], path: str, code: str, mend: str
) -> None:
    _bad_files(tmp_path)
    file = written(tmp_path, bulletin(segment), bulletin({"kind": "audio", "file": "good.wav"}, id="b"))
    (bad, good), _ = load_drafts(file)
    [problem] = bad.problems
    assert (problem.path, problem.code) == (f"bulletins[0].segments[0].{path}", code)
    assert mend in problem.text() and bad.bulletin is None
    assert good.bulletin is not None, "one that is wrong stops none of the others"
    done = run("all", file, "--check", code=2)
    assert "A [a]: this bulletin is wrong" in done.stderr and "A [b]: 05:30 23/11/2099" in done.stdout


def test_versions_may_name_files_too(tmp_path: Path) -> None:
    _bad_files(tmp_path)
    versions = [{"language": "vi", "segments": [{"kind": "audio", "file": name}]} for name in ("good.wav", "none.wav")]
    versions[1]["language"] = "hmn"
    file = written(tmp_path, {"id": "a", "title": "A", "at": LATER, "versions": versions})
    [draft], _ = load_drafts(file)
    assert [problem.path for problem in draft.problems] == ["bulletins[0].versions[1].segments[0].file"]
    assert [sound.path.name for sound in draft.sounds] == ["good.wav"]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (f"- {{id: a, title: A, text: x, at: '{LATER}', volume: 1, volume: 2}}", "config.twice", "[0].volume"),
        (f"- {{id: a, title: A, text: x, at: '{LATER}'}}\n" * 2, "plan.twice", "[1].id"),
        ("- {id: a, title: A, text: x, at: '2021-01-01T00:00:00+07:00'}", "plan.over", "[0].at"),
        (f"- {{id: a, title: A, texts: x, at: '{LATER}'}}", "config.unknown_key", "[0].texts"),
        ("- {id: a, title: A, text: x, at: '2099-01-01T00:00:00'}", "config.wrong", "[0].at"),
    ],
)
def test_a_bulletin_that_no_node_would_take(tmp_path: Path, text: str, code: str, path: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    told = json.loads(run("all", file, "--check", "--json", code=2).stdout)
    problems = [(each["code"], each["path"]) for entry in told["bulletins"] for each in entry["problems"]]
    assert (code, path) in problems and told["ok"] is False


def test_a_bulletin_that_fits_into_no_message(tmp_path: Path) -> None:
    parts = [{"kind": "text", "text": "ạ" * 10_000} for _ in range(3)]
    [draft], _ = load_drafts(written(tmp_path, bulletin(*parts)))
    assert [problem.code for problem in draft.problems] == ["plan.too_long"]


def test_what_is_no_file_of_bulletins(tmp_path: Path) -> None:
    assert "this is a node's configuration" in run("all", REPO / "configs/node.minimal.yaml", code=2).stderr
    assert "is no node" in run("A B", EXAMPLE, code=2).stderr
    assert "no such file" in run("all", tmp_path / "none.yaml", code=2).stderr


class Hub(ThreadingHTTPServer):
    """Keeps what is put, and counts what is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.server.asked.append(("HEAD", self.headers.get("Authorization", "")))
        self._answer(200 if self.path.removeprefix("/media/") in self.server.kept else 404)

    def do_PUT(self) -> None:
        self.server.asked.append(("PUT", self.headers.get("Authorization", "")))
        if self.headers.get("Authorization") != "Bearer right":
            self.close_connection = True
            self._answer(401)  # unread
            return
        self.server.kept[self.path.removeprefix("/media/")] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="hub")
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_recording_is_sent_once(hub: Hub, tmp_path: Path) -> None:
    content = tone(tmp_path / "a.mp3", seconds=60)
    sound = look(tmp_path / "a.mp3")
    store = MediaStore(f"http://127.0.0.1:{hub.server_port}", lambda: "right")
    assert upload(store, [sound, sound], no_bar)[sound.sha256].sent
    assert hub.kept == {sound.sha256: content}
    again = upload(store, [sound], no_bar)[sound.sha256]
    assert (again.sent, again.fault) == (False, None)
    assert hub.asked == [("HEAD", ""), ("PUT", "Bearer right"), ("HEAD", "")], "the token is shown to a PUT only"


def test_progress_counts_each_byte(hub: Hub, tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", seconds=3)
    sound = look(tmp_path / "a.wav")
    parts: list[int] = []
    MediaStore(f"http://127.0.0.1:{hub.server_port}", lambda: "right").put_file(sound, parts.append)
    assert sum(parts) == sound.bytes and len(parts) > 2


def test_a_hub_that_does_not_take_it(hub: Hub, tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", seconds=30)
    tone(tmp_path / "b.wav", seconds=31)
    sounds = [look(tmp_path / "a.wav"), look(tmp_path / "b.wav")]
    refused = upload(MediaStore(f"http://127.0.0.1:{hub.server_port}", lambda: "wrong"), sounds, no_bar)
    assert all(each.fault is not None and each.fault.code.startswith("media.") for each in refused.values())
    assert hub.kept == {}
    away = upload(MediaStore("http://127.0.0.1:1", lambda: "right"), sounds, no_bar)
    assert {each.fault and each.fault.code for each in away.values()} == {"media.unreachable"}


def access(folder: Path, **more: object) -> Access:
    file = folder / "hub.yaml"
    file.write_text(json.dumps({"broker": {"url": "mqtt://127.0.0.1:1"}, **more}), encoding="utf-8")
    return Access.read(file)


def test_where_the_hub_is(tmp_path: Path) -> None:
    assert access(tmp_path).hub_url() == "http://127.0.0.1:8080"
    assert access(tmp_path, listen={"host": "0.0.0.0", "port": 81, "names": []}).hub_url() == "http://127.0.0.1:81"
    assert access(tmp_path, listen={"host": "::"}).hub_url() == "http://[::1]:8080"


@pytest.mark.parametrize(("content", "token"), [("one\n", "one"), ('{"thon-dong": "a", "thon-tay": "b"}', "a")])
def test_the_token_of_the_hub(tmp_path: Path, content: str, token: str) -> None:
    (tmp_path / "tokens").write_text(content)
    assert access(tmp_path, upload_tokens={"file": "tokens"}).upload_token() == token


@pytest.mark.parametrize("content", [None, "", "{}", '{"a": 5}', '{"secret": '])
def test_no_token_of_the_hub(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokens").write_text(content)
    with pytest.raises(Refusal) as caught:
        access(tmp_path, upload_tokens={"file": "tokens"}).upload_token()
    assert caught.value.fault.code == "media.no_token"
    assert "EDGE_UPLOAD_TOKEN" in caught.value.fault.en and "secret" not in repr(caught.value)


def test_a_broker_that_is_away_is_told(tmp_path: Path) -> None:
    access(tmp_path)
    (tmp_path / "key").write_bytes(bytes(32))
    access(tmp_path, signing_key={"id": "a", "file": "key"})
    file = written(tmp_path, bulletin({"kind": "pause", "seconds": 1}))
    assert len(run("x/y", file, "--hub", tmp_path / "hub.yaml", code=1).stderr) > 20
