"""`edge-agent modbus`, as an installer runs it, before pymodbus's server and on a serial line."""

import asyncio
import json
import os
import sys

from modbus_rig import device, floats, frame, registers, serial_line, slave, tcp_server


async def run(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "edge_agent", "modbus", *map(str, arguments)),
        env={**os.environ, "EDGE_LANG": "en"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def test_scan_finds_who_is_there(tmp_path):
    def answer(question):
        unit, function = question[:2]
        if unit == 3:
            return [(0, frame(3, function | 0x80, 2))]
        if unit == 5:
            return [(0, b"\x05\x03\x02\x00")]
        if unit == 7 and function == 4:
            return [(0, registers(7, 1, function=4))]
        return []

    with serial_line(tmp_path) as ends:
        async with slave(ends[1], answer):
            code, out, _ = await run("scan", ends[0], "--from", 2, "--to", 8, "--json", "--timeout", 0.6)
            assert code == 0
            assert [(each["unit"], each["state"]) for each in json.loads(out)] == [
                (3, "there"),
                (5, "unclear"),
                (7, "there"),
            ]
            code, out, _ = await run("scan", ends[0], "--from", 7, "--to", 8, "--timeout", 0.6)
            assert (code, out.splitlines()) == (0, ["7: a device answers", "Asked 2 addresses, 1 devices answer."])


async def test_read_shows_all_points_and_says_which_fail():
    async with tcp_server([device(2, inputs=floats((0, 230.1), (12, float("nan"))))]) as server:
        code, out, _ = await run("read", f"127.0.0.1:{server.port}", "eastron-sdm120", "--unit", 2, "--json")
        rows = {row["point"]: row for row in json.loads(out)}
        assert (code, rows["voltage"]["value"], rows["voltage"]["unit"]) == (1, 230.1, "V")
        assert rows["power"]["fault"].startswith("driver.bad_value")
        code, out, _ = await run("read", f"127.0.0.1:{server.port}", "eastron-sdm120", "--unit", 2)
        assert code == 1
        assert out.splitlines()[0].split()[:3] == ["voltage", "230.1", "V"]


async def test_mistakes_are_said_in_a_sentence(tmp_path):
    code, _, err = await run("scan", tmp_path / "none")
    assert (code, "driver.no_device" in err) == (1, True)
    code, _, err = await run("read", tmp_path / "none", "eastron-sdm121")
    assert (code, "did you mean 'eastron-sdm120'" in err) == (2, True)
