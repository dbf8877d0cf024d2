"""The driver on a serial line: pymodbus's server at the far end, then a slave that misbehaves in all the known ways."""

import asyncio
import fcntl
import os
from itertools import pairwise

import pytest
from modbus_rig import device, frame, make, registers, serial_line, serial_server, slave

from drivers.contract import DriverFault

WET = {"unit": 1, "map": "xy-md02"}
GOOD = registers(1, 291, 655, function=4)
OLD = registers(1, 111, 222, function=4)


@pytest.fixture
def line(tmp_path):
    with serial_line(tmp_path) as ends:
        yield ends


def serial(context, line, devices=None, **more):
    settings = {"timeout_s": 0.4, "cache_s": 0, "retry_s": 0.3, "retry_most_s": 1.0, **more}
    return make(context, port=line[0], devices=devices or {"wet": WET}, **settings)


async def fault_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value


@pytest.mark.parametrize(("parity", "baudrate", "stopbits"), [("N", 9600, 1), ("N", 1200, 2), ("N", 115200, 1)])
async def test_a_bus_of_several_devices(real, line, parity, baudrate, stopbits):
    settings = {"parity": parity, "baudrate": baudrate, "stopbits": stopbits}
    devices = [device(1, coils=8), device(2, inputs=[0, 205, 400])]
    both = {"board": {"unit": 1, "map": "waveshare-relay-8"}, "wet": {"unit": 2, "map": "xy-md02"}}
    async with serial_server(devices, line[1], **settings), serial(real, line, both, **settings) as bus:
        for on in (True, False, True):
            for relay in range(1, 9):
                await bus.switch(f"board_{relay}", on)
                assert await bus.read(f"board_{relay}") == on
        assert (await bus.measure("wet_temperature")).value == 20.5
        assert (await bus.check()).ok


async def test_after_a_restart_the_relays_say_what_they_are(real, line):
    board = {"board": {"unit": 1, "map": "waveshare-relay-8"}}
    async with serial_server([device(1, coils=8)], line[1]):
        async with serial(real, line, board) as bus:
            await bus.switch("board_4", True)
        async with serial(real, line, board) as bus:
            assert [await bus.read(f"board_{n}") for n in range(1, 9)] == [n == 4 for n in range(1, 9)]


async def test_a_port_in_use_missing_or_lost(real, line, tmp_path):
    missing = await make(real, port=tmp_path / "none", devices={"wet": WET}).check()
    assert (missing.ok, missing.code) == (False, "driver.no_device")
    with line[0].resolve().open("rb") as other, pytest.raises(DriverFault, match="another program"):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        await serial(real, line).__aenter__()
    async with slave(line[1], lambda _: [(0, GOOD)]), serial(real, line) as bus:
        assert (await bus.measure("wet_humidity")).value == 65.5
        second = os.open(line[0], os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        with pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(second)
        assert (await bus.check()).ok


async def test_settings_that_the_port_does_not_know_are_told(real, line):
    fault = await fault_of(serial(real, line, parity="E").__aenter__())  # a pseudo terminal has no parity
    assert (fault.code, fault.retry) == ("driver.io", True)
    assert str(line[0]) in fault.detail


async def test_the_adapter_is_pulled_out_and_put_back(real, tmp_path):
    with serial_line(tmp_path) as line:
        bus = await serial(real, line).__aenter__()
        async with slave(line[1], lambda _: [(0, GOOD)]):
            assert (await bus.measure("wet_humidity")).value == 65.5
    try:
        fault = await fault_of(bus.measure("wet_humidity"))
        assert fault.code in ("driver.io", "driver.silent", "driver.no_device")
        assert (await bus.check()).code == "driver.no_device"
        with serial_line(tmp_path) as line:
            async with slave(line[1], lambda _: [(0, GOOD)]):
                async with asyncio.timeout(10):
                    while not (await bus.check()).ok:
                        await asyncio.sleep(0.05)
                assert (await bus.measure("wet_humidity")).value == 65.5
    finally:
        await bus.__aexit__(None, None, None)


GARBAGE = {
    "silence": ([], "driver.silent"),
    "wrong check sum": ([(0, GOOD[:-1] + bytes([GOOD[-1] ^ 1]))], "driver.io"),
    "one bit turned": ([(0, GOOD[:4] + bytes([GOOD[4] ^ 8]) + GOOD[5:])], "driver.io"),
    "half a frame": ([(0, GOOD[:5])], "driver.io"),
    "noise": ([(0, bytes(range(40)))], "driver.io"),
    "a flood": ([(n / 100, bytes([n]) * 60) for n in range(30)], "driver.io"),
    "someone else's answer": ([(0, registers(9, 291, 655, function=4))], "driver.wrong_device"),
    "another function": ([(0, registers(1, 291, 655, function=3))], "driver.io"),
    "another length": ([(0, registers(1, 291, function=4))], "driver.io"),
    "too long": ([(0, registers(1, 291, 655, 1, function=4))], "driver.io"),
    "an exception": ([(0, frame(1, 0x84, 2))], "driver.io"),
    "someone else's exception": ([(0, frame(7, 0x84, 2))], "driver.wrong_device"),
}


@pytest.mark.parametrize(("said", "code"), GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_answer_is_never_a_value(real, line, said, code):
    answers = [said] * 2
    async with slave(line[1], lambda _: answers.pop() if answers else [(0, GOOD)]) as peer, serial(real, line) as bus:
        fault = await fault_of(bus.measure("wet_temperature"))
        assert fault.code == code
        assert "unit 1" in fault.detail or "instead of 1" in fault.detail
        answers.clear()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert (await bus.measure("wet_temperature")).value == 29.1
                    break
                except DriverFault:
                    await asyncio.sleep(0.02)
        assert len(peer.asked) < 10


async def test_an_answer_is_found_between_noise_and_echo(real, line):
    def answer(question):
        return [(0, question + b"\x00\xff" + registers(4, 1, function=4)), (0.01, GOOD[:3]), (0.02, GOOD[3:] + b"\x55")]

    async with slave(line[1], answer), serial(real, line) as bus:
        for _ in range(5):
            assert (await bus.measure("wet_temperature")).value == 29.1


async def test_an_adapter_that_only_echoes_confirms_nothing(real, line):
    board = {"board": {"unit": 1, "map": "waveshare-relay-8"}}
    async with slave(line[1], lambda question: [(0, question)]), serial(real, line, board) as bus:
        fault = await fault_of(bus.switch("board_1", True))
        assert (fault.code, "gives back" in fault.detail) == ("driver.silent", True)


@pytest.mark.parametrize("late", [0.5, 1.0, 1.5, 2.0, 3.0])
async def test_a_late_answer_is_never_taken_for_the_next_one(real, line, late):
    """The first answer is old by the time that it comes; only what was asked for last is true."""
    asked = 0

    def answer(_):
        nonlocal asked
        asked += 1
        return [(late, OLD)] if asked == 1 else [(0.1, GOOD)]

    # it rests so shortly that it is asked again while the old answer is still on its way
    async with slave(line[1], answer), serial(real, line, retry_s=0.1, retry_most_s=0.1) as bus:
        values = []
        async with asyncio.timeout(20):
            while len(values) < 8:
                try:
                    values.append((await bus.measure("wet_temperature")).value)
                except DriverFault as fault:
                    assert fault.code == "driver.silent"
                    await asyncio.sleep(0.01)
        assert values == [29.1] * 8


async def test_a_slow_device_gets_its_own_time(real, line):
    both = {"slow": {**WET, "timeout_s": 2}, "quick": {"unit": 2, "map": "xy-md02"}}

    def answer(question):
        if question[0] == 1:
            return [(0.5, GOOD)]
        return [(0, registers(2, 100, 200, function=4))]

    async with slave(line[1], answer), serial(real, line, both) as bus:
        assert (await bus.measure("slow_temperature")).value == 29.1
        assert (await bus.measure("quick_temperature")).value == 10


async def test_a_dead_device_costs_its_time_once_and_not_each_round(real, line):
    devices = {f"d{unit}": {"unit": unit, "map": "xy-md02"} for unit in range(1, 5)}

    def answer(question):
        return [] if question[0] == 2 else [(0, registers(question[0], 10 * question[0], 500, function=4))]

    async with slave(line[1], answer) as peer, serial(real, line, devices, retry_s=60, retry_most_s=60) as bus:
        for _ in range(20):
            results = await asyncio.gather(
                *(bus.measure(f"d{unit}_temperature") for unit in range(1, 5)), return_exceptions=True
            )
            assert [getattr(each, "value", None) for each in results] == [1, None, 3, 4]
            assert results[1].code == "driver.silent"
        assert peer.units().count(2) == 1
        assert peer.units().count(1) == 20
        check = await bus.check()
        assert (check.ok, check.code) == (False, "driver.silent")
        assert "d2" in check.detail


async def test_the_rest_of_a_silent_device_grows(real, line):
    async with slave(line[1], lambda _: []) as peer, serial(real, line, retry_s=0.2, retry_most_s=10) as bus:
        end = asyncio.get_running_loop().time() + 4
        while asyncio.get_running_loop().time() < end:
            await fault_of(bus.measure("wet_temperature"))
            await asyncio.sleep(0.01)
        times = [at for at, _ in peer.asked]
        pauses = [after - before for before, after in pairwise(times)]
        assert pauses == sorted(pauses)
        assert len(times) < 6


async def test_devices_take_turns_and_commands_go_first(real, line):
    maps = "name: many\nsource: these tests\npoints:\n" + "".join(
        f"  p{n}: {{register: input, address: {n * 10}, type: u16}}\n" for n in range(20)
    )
    path = line[0].parent / "many.yaml"
    path.write_text(maps)
    devices = {
        "many": {"unit": 1, "map": str(path)},
        "wet": {"unit": 2, "map": "xy-md02"},
        "board": {"unit": 3, "map": "waveshare-relay-8"},
    }
    states = [0]

    def answer(question):
        unit, function = question[:2]
        if function == 5:
            states[0] = 1 if question[4] else 0
            return [(0.01, question)]
        if function == 1:
            return [(0.01, frame(3, 1, 1, states[0]))]
        return [(0.01, registers(unit, *[7] * question[5], function=4))]

    async with slave(line[1], answer) as peer, serial(real, line, devices, timeout_s=1) as bus:
        many = [asyncio.create_task(bus.measure(f"many_p{n}")) for n in range(20)]
        await asyncio.sleep(0)
        wet = asyncio.create_task(bus.measure("wet_humidity"))
        await asyncio.sleep(0.05)
        before = len(peer.asked)
        await bus.switch("board_1", True)
        assert await wet
        await asyncio.gather(*many)
        units = peer.units()
        polls = [unit for unit in units if unit != 3]
        assert polls.index(2) <= 2, "the second device waits for one question of the first, not for twenty"
        assert units.index(3) <= before + 1, "a command waits for the question under way only"
        assert units.count(1) == 20


async def test_there_is_silence_between_frames(real, line):
    ended = []

    def answer(_):
        ended.append(asyncio.get_running_loop().time())
        return [(0, GOOD)]

    async with slave(line[1], answer) as peer, serial(real, line, gap_ms=60) as bus:
        for _ in range(5):
            await bus.measure("wet_temperature")
        starts = [at for at, _ in peer.asked]
        assert all(after - before >= 0.059 for before, after in zip(ended, starts[1:], strict=False))


async def test_another_device_at_the_address_is_noticed(real, line, tmp_path):
    path = tmp_path / "known.yaml"
    path.write_text(
        "name: known\nsource: these tests\nidentify: {register: holding, address: 9, type: u16, equals: 42}\n"
        "points: {x: {register: input, address: 1, type: u16}}\n"
    )
    identity = [43]

    def answer(question):
        return [(0, registers(1, identity[0] if question[1] == 3 else 5, function=question[1]))]

    async with slave(line[1], answer) as peer, serial(real, line, {"one": {"unit": 1, "map": str(path)}}) as bus:
        fault = await fault_of(bus.measure("one_x"))
        assert fault.code == "driver.wrong_device"
        assert "it is 42" in fault.detail
        assert [question[1] for _, question in peer.asked] == [3]
        identity[0] = 42
        await asyncio.sleep(0.4)
        assert (await bus.measure("one_x")).value == 5
        assert (await bus.measure("one_x")).value == 5
        assert [question[1] for _, question in peer.asked] == [3, 3, 4, 4]


async def test_a_lost_frame_of_a_command_is_sent_again(real, line):
    board = {"board": {"unit": 1, "map": "waveshare-relay-8"}}
    lost = [1]

    def answer(question):
        if lost:
            lost.pop()
            return []
        return [(0, question if question[1] == 5 else frame(1, 1, 1, 1))]

    async with slave(line[1], answer) as peer, serial(real, line, board) as bus:
        await bus.switch("board_1", True)
        assert [question[1] for _, question in peer.asked][:2] == [5, 5]


async def test_a_relay_that_does_not_follow_is_stuck(real, line):
    board = {"board": {"unit": 1, "map": "waveshare-relay-8"}}

    def answer(question):
        return [(0, question if question[1] == 5 else frame(1, 1, 1, 0))]

    async with slave(line[1], answer), serial(real, line, board) as bus:
        fault = await fault_of(bus.switch("board_1", True))
        assert fault.code == "driver.stuck"
        assert not await bus.read("board_1")


async def test_a_busy_device_is_asked_again(real, line):
    board = {"board": {"unit": 1, "map": "waveshare-relay-8"}}
    busy = [1]

    def answer(question):
        if busy:
            busy.pop()
            return [(0, frame(1, 0x85, 6))]
        return [(0, question if question[1] == 5 else frame(1, 1, 1, 1))]

    async with slave(line[1], answer), serial(real, line, board) as bus:
        await bus.switch("board_1", True)


async def test_who_gives_up_waiting_harms_nobody(real, line):
    async with slave(line[1], lambda _: [(0.1, GOOD)]), serial(real, line) as bus:
        both = [asyncio.create_task(bus.measure(f"wet_{name}")) for name in ("temperature", "humidity")]
        await asyncio.sleep(0.02)
        both[0].cancel()
        assert (await both[1]).value == 65.5
