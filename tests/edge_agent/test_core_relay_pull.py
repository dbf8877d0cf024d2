"""Pulling a station: real formats by real HTTP, and servers that are no radio at all."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import core_relay
import numpy as np
import pytest
from core_relay import TONES, Stations, make_all, stations

_BYTES_PER_S = 96_000
_MOST_MB = 260


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_all(tmp_path_factory.mktemp("sounds"))


@pytest.fixture
def server(sounds: Path) -> Iterator[Stations]:
    with stations(sounds) as running:
        yield running


class Pulled:
    """One puller, to its end or for so many seconds."""

    def __init__(self, url: str, open_s: float = 2.0, stall_s: float = 2.0, limit_s: float = 20.0) -> None:
        argv = [sys.executable, "-m", "edge_agent.relay.puller", url, str(open_s), str(stall_s)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.peak_mb = 0
        self._watch = threading.Thread(target=self._measure, daemon=True)
        self._watch.start()
        try:
            self.sound, said = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.sound, said = self.process.communicate()
        lines = said.decode().strip().splitlines()
        self.told = json.loads(lines[-1]) if lines else {}

    def _measure(self) -> None:
        while self.process.poll() is None:
            try:
                status = Path(f"/proc/{self.process.pid}/status").read_text()
            except OSError:
                return
            if "VmHWM" in status:
                self.peak_mb = int(status.split("VmHWM:")[1].split()[0]) // 1024
            time.sleep(0.02)

    @property
    def seconds(self) -> float:
        return len(self.sound) / _BYTES_PER_S

    def tone(self) -> float:
        part = np.frombuffer(self.sound[_BYTES_PER_S : 2 * _BYTES_PER_S], "<i2").astype(float)
        return float(np.argmax(np.abs(np.fft.rfft(part)))) * 48_000 / len(part)


@pytest.mark.parametrize("path", ["/main.mp3", "/main.aac", "/main.ogg", "/main.opus.ogg", "/hls/list.m3u8", "/moved"])
def test_every_format_of_a_station_becomes_the_same_sound(server: Stations, path: str) -> None:
    server.pages["/moved"] = core_relay.redirect("/main.mp3")
    pulled = Pulled(server.url(path))
    assert pulled.told["code"] == "relay.ended"
    assert pulled.seconds == pytest.approx(40, abs=0.3)
    assert pulled.tone() == pytest.approx(TONES["main"], abs=3)


def test_a_station_that_misnames_its_sound_is_heard(server: Stations, sounds: Path) -> None:
    server.pages["/text"] = lambda request: request.answer((sounds / "main.mp3").read_bytes(), "text/html")
    pulled = Pulled(server.url("/text"))
    assert pulled.tone() == pytest.approx(TONES["main"], abs=3)


def test_a_stream_that_is_cut_ends(server: Stations, sounds: Path) -> None:
    server.pages["/cut"] = lambda request: request.wfile.write(
        b"HTTP/1.0 200 OK\r\nContent-Length: 9999999\r\n\r\n" + (sounds / "main.mp3").read_bytes()[:100_000]
    )
    pulled = Pulled(server.url("/cut"))
    assert pulled.told["code"] in ("relay.ended", "relay.unreachable", "relay.not_audio")
    assert pulled.seconds == pytest.approx(12.5, abs=0.5)


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        ("html", {"relay.not_audio"}),
        ("noise", {"relay.not_audio"}),
        ("endless_playlist", {"relay.not_audio", "relay.stalled"}),
        ("endless_header", {"relay.stalled", "relay.not_audio"}),
        ("endless_header_line", {"relay.stalled", "relay.not_audio"}),
        ("one_byte_a_while", {"relay.stalled", "relay.not_audio"}),
        ("says_nothing", {"relay.stalled"}),
    ],
)
def test_a_server_that_is_no_radio_is_left_in_time_and_in_bounds(server: Stations, what: str, codes: set[str]) -> None:
    server.pages["/it"] = getattr(core_relay, what)
    began = time.monotonic()
    pulled = Pulled(server.url("/it"))
    assert pulled.told["code"] in codes
    assert not pulled.sound
    assert pulled.peak_mb < _MOST_MB
    assert time.monotonic() - began < 15, "left by itself, not by the test"


def test_no_playlist_leads_to_a_file(server: Stations, sounds: Path) -> None:
    segment = sorted((sounds / "hls").glob("*.ts"))[0]
    assert segment.exists()
    for place in (f"file://{segment}", str(segment), f"concat:{segment}", f"subfile,,start,0,end,0,,:{segment}"):
        lines = ("#EXT-X-TARGETDURATION:2", "#EXTINF:2.0,", place, "#EXT-X-ENDLIST")
        server.pages["/list.m3u8"] = core_relay.playlist(*lines)
        pulled = Pulled(server.url("/list.m3u8"))
        assert not pulled.sound, place
        assert pulled.told["code"].startswith("relay."), place


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://127.0.0.1/x.mp3", "gopher://127.0.0.1/", "/again"])
def test_no_redirect_leads_out_of_http_or_goes_on_for_ever(server: Stations, to: str) -> None:
    server.pages["/again"] = core_relay.redirect(to)
    pulled = Pulled(server.url("/again"))
    assert not pulled.sound
    assert pulled.told["code"] in ("relay.forbidden", "relay.unreachable", "relay.not_audio")
    assert server.asked.count("/again") <= 20


def test_a_playlist_that_names_itself_is_left(server: Stations) -> None:
    server.pages["/loop.m3u8"] = core_relay.playlist("#EXT-X-STREAM-INF:BANDWIDTH=64000", "/loop.m3u8")
    server.pages["/empty.m3u8"] = core_relay.playlist("#EXT-X-TARGETDURATION:2")
    for path in ("/loop.m3u8", "/empty.m3u8"):
        pulled = Pulled(server.url(path))
        assert not pulled.sound
        assert pulled.told["code"] in ("relay.not_audio", "relay.stalled")


def test_who_refuses_or_is_not_there_is_told_apart(server: Stations) -> None:
    assert Pulled(server.url("/nowhere")).told["code"] == "relay.refused"
    server.pages["/busy"] = lambda request: request.send_error(503)
    assert Pulled(server.url("/busy")).told["code"] == "relay.refused"
    server.server_close()
    assert Pulled("http://127.0.0.1:9/x").told["code"] == "relay.unreachable"


def test_it_ends_with_who_started_it(server: Stations, sounds: Path) -> None:
    """A worker that is killed leaves no puller behind, whatever state it is in."""
    server.pages["/mute"] = core_relay.says_nothing
    starter = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'edge_agent.relay.puller', sys.argv[1], '60', '60'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter, server.url("/mute")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    end = time.monotonic() + 20
    while "/mute" not in server.asked and time.monotonic() < end:
        time.sleep(0.02)
    parent.kill()
    parent.communicate()
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"
