"""The real programs at work under their units' system call rules; what they must not do is refused."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jail import allowed
from system_rig import BIN, end, free_port, node_yaml, tool, unit, until

JAIL = str(Path(__file__).with_name("jail.py"))
AGENT, HUB = "edge-agent.service", "edge-hub.service"


def ask(service: str, code: str) -> str:
    """What a Python program prints in the jail."""
    done = subprocess.run(
        [sys.executable, JAIL, service, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@contextmanager
def jailed(service: str, *argv: str | Path, log: Path) -> Iterator["subprocess.Popen[str]"]:
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, JAIL, service, *(str(part) for part in argv)],
            stdout=output,
            stderr=output,
            env={**os.environ, "LANG": "C.UTF-8"},
            text=True,
        )
    try:
        yield process
    finally:
        end(process)


NEEDED = {
    "the kernel's clock is asked": "from edge_agent.clock import kernel; kernel.discipline()",
    "a camera lowers its priority": "import os; os.nice(5)",
    "core dumps are forbidden": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "signatures": "from nacl.signing import SigningKey; SigningKey.generate().sign(b'x')",
    "pictures": "import cv2, numpy; cv2.GaussianBlur(numpy.zeros((64, 64, 3), 'u1'), (5, 5), 0)",
    "films": "import av; av.codec.Codec('h264')",
    "sound": "import pyaudio",
    "C calls back": "import ctypes; ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 5)()",
    "a name is looked up": "import socket; socket.getaddrinfo('localhost', 1883)",
    "the machine is measured": "from edge_agent.telemetry import board; from pathlib import Path; board(Path('/'))",
    "Vietnamese is read": "from tts.reading import Reader; Reader().read('Xin chào')",
}


@pytest.mark.parametrize("what", NEEDED)
def test_the_agent_may(what: str) -> None:
    assert ask(AGENT, f"{NEEDED[what]}\nprint('it works')") == "it works"


FORBIDDEN = {
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "write code": "import mmap; mmap.mmap(-1, 4096, prot=7)",
    "read raw network frames": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "change the network": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "become somebody else": "import os; os.setuid(os.getuid())",
    "mount": "import ctypes, os; c = ctypes.CDLL(None, use_errno=True); r = c.mount(b'a', b'/', b'tmpfs', 0, None);"
    "e = ctypes.get_errno();\nif r: raise OSError(e, os.strerror(e))",
}


@pytest.mark.parametrize("service", [AGENT, HUB])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_neither_may(service: str, what: str) -> None:
    assert "[Errno 1] Operation not permitted" in ask(service, f"{FORBIDDEN[what]}\nprint('it works')")


def test_the_hub_may_not_even_ask_the_clock() -> None:
    assert "Operation not permitted" in ask(HUB, "from edge_agent.clock import kernel; kernel.discipline()")


REAL_TIME = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"


def test_only_the_agent_may_feed_a_sound_card_in_real_time() -> None:
    """Whether the kernel then grants it is the account's limit (LimitRTPRIO), which a test cannot raise."""
    assert "Operation not permitted" in ask(HUB, f"{REAL_TIME}\nprint('it works')")
    values = unit(AGENT)
    assert "sched_setscheduler" in allowed(values)
    assert "Service.RestrictRealtime" not in values
    assert values["Service.LimitRTPRIO"] == ["10"] and values["Service.LimitRTTIME"] == ["500ms:3s"]


def test_a_voice_speaks(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tts.chain import Synthesiser; from tts.model import *\n"
        f"with Synthesiser(VoiceSettings(chain=(EspeakSettings(),)), spare_dir=Path({str(tmp_path)!r})) as voice:\n"
        "    print(voice.say('Kính mời bà con').engine)"
    )
    assert ask(AGENT, code) == "espeak-ng"


def test_the_agent_runs_and_records(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    subprocess.run(
        [tool("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=4",
         "-c:v", "libx264", "-g", "10", str(film)],
        check=True, timeout=30,
    )  # fmt: skip
    config = node_yaml(
        tmp_path,
        "drivers: [{id: relays, driver: simulated-relay, lines: {a: {}}}, {id: horn, driver: file-speaker}]\n"
        "lights: [{id: cong, name: Cổng, line: relays/a}]\n"
        "speakers: [{id: loa, name: Loa, driver: horn}]\n"
        f'cameras: [{{id: cong, name: Cổng, url: "clip://{film}"}}]\n',
    )
    log = tmp_path / "log"
    with jailed(AGENT, BIN / "edge-agent", "run", config, log=log) as agent:
        video = tmp_path / "state/video/cong"
        until(lambda: agent.poll() is not None or any(file.stat().st_size for file in video.glob("*/*.mp4")))
        assert agent.poll() is None, log.read_text()
    assert "Traceback" not in log.read_text()


def test_the_hub_serves_its_page(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "hub.yaml"
    config.write_text(
        f'listen: {{port: {port}}}\ndata: {tmp_path / "data"}\nbroker: {{url: "mqtt://127.0.0.1:{free_port()}"}}\n'
    )
    log = tmp_path / "log"

    def page() -> str:
        assert hub.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    with jailed(HUB, BIN / "edge-hub", "run", config, log=log) as hub:
        assert "<html" in until(page)
