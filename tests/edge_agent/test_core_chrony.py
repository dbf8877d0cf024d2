"""chrony is asked for its uncertainty: two real daemons, neither of which may touch this machine's clock."""

import asyncio
import contextlib
import getpass
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from core_rig import START

from edge_agent.clock import SimulatedClock
from edge_agent.clock.chrony import ChronyFault, ChronyWatch, parse, tracking

UNPACKED = Path(sys.prefix) / "chrony" / "usr"
"""Where scripts/setup put chrony on a machine that has none."""
ANSWER = "7F000001,127.0.0.1,11,1700000000.1,-0.000012,0.000003,0.000005,-3.2,0.0,0.1,0.000400,0.000100,2.0,Normal"


@pytest.fixture
def chrony(monkeypatch: pytest.MonkeyPatch) -> None:
    places = (os.environ["PATH"], "/usr/sbin", str(UNPACKED / "sbin"), str(UNPACKED / "bin"))
    monkeypatch.setenv("PATH", os.pathsep.join(places))


def _port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def _chronyd(folder: Path, name: str, *lines: str) -> AsyncIterator[int]:
    """A daemon with `-x`: it reckons, and leaves the system's clock alone. Gives the port that answers chronyc."""
    command = _port()
    text = "\n".join(
        (
            *lines,
            f"cmdport {command}",
            "bindcmdaddress 127.0.0.1",
            "bindcmdaddress /",
            f"pidfile {folder / name}.pid",
        )
    )
    file = folder / f"{name}.conf"
    file.write_text(text + "\n")
    process = await asyncio.create_subprocess_exec(
        *("chronyd", "-x", "-d", "-U", "-u", getpass.getuser(), "-f", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield command
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)


async def _answer(*options: str) -> ChronyFault | None:
    for _ in range(200):
        try:
            await tracking(*options)
        except ChronyFault as fault:
            last: ChronyFault | None = fault
        else:
            return None
        await asyncio.sleep(0.1)
    return last


def test_the_bound_is_the_correction_the_dispersion_and_half_the_delay() -> None:
    found = parse(ANSWER)
    assert found.uncertainty_ms == pytest.approx(0.012 + 0.1 + 0.2)
    assert (found.reference, found.stratum, found.offset_ms, found.drift_ppm) == ("127.0.0.1", 11, -0.012, -3.2)


@pytest.mark.parametrize("line", ["", "506 Cannot talk to daemon", ANSWER.replace("0.000400", "x"), "," * 20])
def test_an_answer_that_is_none_is_told(line: str) -> None:
    with pytest.raises(ChronyFault):
        parse(line)


def test_a_clock_that_follows_nothing_is_told() -> None:
    with pytest.raises(ChronyFault, match="no time server"):
        parse(ANSWER.replace("Normal", "Not synchronised"))


@pytest.mark.usefixtures("chrony")
async def test_a_real_daemon_tells_its_uncertainty(tmp_path: Path) -> None:
    serving = _port()
    server = ("local stratum 8", f"port {serving}", "bindaddress 127.0.0.1", "allow 127.0.0.1")
    client = (f"server 127.0.0.1 port {serving} iburst minpoll -2 maxpoll -2", "port 0")
    async with _chronyd(tmp_path, "server", *server), _chronyd(tmp_path, "client", *client) as command:
        options = ("-h", "127.0.0.1", "-p", str(command))
        assert await _answer(*options) is None
        watch = ChronyWatch(SimulatedClock(START), *options)
        await watch.look()
        assert watch.latest is not None
        assert watch.latest.reference == "127.0.0.1"
        assert watch.latest.stratum == 9
        assert 0 < watch.latest.uncertainty_ms < 1000
    await watch.look()
    assert watch.latest is None
    assert "chrony" in watch.why


async def test_a_machine_without_chrony_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    watch = ChronyWatch(SimulatedClock(START))
    await watch.look()
    assert watch.latest is None
    assert watch.why == "chrony is not installed"
