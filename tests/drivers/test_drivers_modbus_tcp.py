"""The driver against pymodbus's own server over TCP."""

import asyncio
import math

import pytest
from modbus_rig import DIMMER, device, floats, free_port, make, tcp_server
from pymodbus import FramerType

from drivers.contract import Dimmable, DriverFault, Measuring, Switchable

METER = floats((0, 229.5), (2, 231.25), (4, 230.1), (52, 1234.5), (70, 50.01), (72, 9876.54), (342, 9876.54))


@pytest.fixture
def dimmer(tmp_path):
    path = tmp_path / "dimmer.yaml"
    path.write_text(DIMMER)
    return str(path)


def commune(dimmer):
    return {
        "ro-le": {"unit": 1, "map": "waveshare-relay-8", "name": "Tủ 1"},
        "dong-ho": {"unit": 2, "map": "eastron-sdm630"},
        "mot-pha": {"unit": 3, "map": "eastron-sdm120"},
        "khi-hau": {"unit": 4, "map": "xy-md02"},
        "den": {"unit": 5, "map": dimmer},
    }


def devices():
    holding = [0, 1000, 512, 0b10000, *[0] * 20]
    return [
        device(1, coils=8),
        device(2, inputs=METER),
        device(3, inputs=floats((0, 228.9), (12, 60.5), (72, 12.25))),
        device(4, inputs=[0, 291, 655]),
        device(5, holding=holding, inputs=[125, 0x5678, 0x1234], discretes=[True] + [False] * 15),
    ]


@pytest.fixture
async def bus(real, dimmer):
    async with (
        tcp_server(devices()) as server,
        make(real, host="127.0.0.1", tcp_port=server.port, cache_s=0, devices=commune(dimmer)) as driver,
    ):
        driver.server = server
        yield driver


async def fault_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value


async def test_is_what_it_says_it_is(bus):
    assert isinstance(bus, Switchable)
    assert isinstance(bus, Dimmable)
    assert isinstance(bus, Measuring)
    offered = {each.id: each for each in bus.capabilities()}
    assert (offered["ro-le_1"].kind, offered["ro-le_1"].name) == ("relay", "Tủ 1: Rơ le 1")
    assert (offered["den_lamp"].kind, offered["den_lamp"].maximum) == ("dimmer", 100)
    assert (offered["den_door"].kind, offered["den_door"].writable) == ("contact", False)
    assert (offered["dong-ho_power"].unit, offered["dong-ho_power"].writable) == ("W", False)
    assert len(offered) == 8 + 16 + 10 + 2 + 7


async def test_relays_are_switched_and_read(bus):
    assert [await bus.read(f"ro-le_{n}") for n in range(1, 9)] == [False] * 8
    await bus.switch("ro-le_3", True)
    await bus.switch("ro-le_8", True)
    assert await bus.server.async_getValues(1, 1, 0, 8) == [False, False, True, False, False, False, False, True]
    assert await bus.read("ro-le_3")
    assert await bus.level("ro-le_8") == 100
    assert (await bus.measure("ro-le_3")).value == 1
    await bus.switch("ro-le_3", False)
    assert not await bus.read("ro-le_3")


async def test_a_relay_in_a_register_has_its_own_words(bus):
    assert not await bus.read("den_valve")
    await bus.switch("den_valve", True)
    assert await bus.server.async_getValues(5, 3, 2, 1) == [256]
    assert await bus.read("den_valve")
    await bus.server.async_setValues(5, 6, 2, [7])
    fault = await fault_of(bus.read("den_valve"))
    assert fault.code == "driver.bad_value"
    assert "neither on nor off" in fault.detail


@pytest.mark.parametrize(("line", "level", "raw"), [("lamp", 50, 128), ("lamp", 0.1, 1), ("row", 25, 800)])
async def test_levels_become_raw_numbers(bus, line, level, raw):
    await bus.dim(f"den_{line}", level)
    at = {"lamp": 0, "row": 1}[line]
    assert await bus.server.async_getValues(5, 3, at, 1) == [raw]
    assert await bus.level(f"den_{line}") == pytest.approx(level, abs=0.5)
    assert await bus.read(f"den_{line}")
    await bus.switch(f"den_{line}", False)
    assert await bus.level(f"den_{line}") == 0
    assert not await bus.read(f"den_{line}")
    await bus.switch(f"den_{line}", True)
    assert (await bus.measure(f"den_{line}")).value == 100


async def test_meters_and_sensors_give_values_in_their_units(bus, real):
    said = {}
    for channel in (
        "dong-ho_voltage_l3",
        "dong-ho_power",
        "dong-ho_energy_total",
        "mot-pha_energy",
        "khi-hau_humidity",
    ):
        measured = await bus.measure(channel)
        assert abs((real.clock.now() - measured.at).total_seconds()) < 5
        said[channel] = measured.value
    assert said == {
        "dong-ho_voltage_l3": 230.1,
        "dong-ho_power": 1234.5,
        "dong-ho_energy_total": 9876.54,
        "mot-pha_energy": 12.25,
        "khi-hau_humidity": 65.5,
    }
    assert (await bus.measure("khi-hau_temperature")).value == 29.1
    assert (await bus.measure("den_depth")).value == 1.25
    assert (await bus.measure("den_litres")).value == 0x12345678
    assert (await bus.measure("den_door")).value == 1
    assert await bus.read("den_flags")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 501.0, -1.0])
async def test_what_cannot_be_true_is_no_value(bus, number):
    await bus.server.async_setValues(2, 4, 0, floats((0, number), size=2))
    fault = await fault_of(bus.measure("dong-ho_voltage_l1"))
    assert fault.code == "driver.bad_value"
    assert "dong-ho" in fault.detail
    assert (await bus.measure("dong-ho_voltage_l2")).value == 231.25


async def test_a_number_that_means_none_is_no_value(bus):
    await bus.server.async_setValues(5, 4, 0, [32767])
    assert "no value" in (await fault_of(bus.measure("den_depth"))).detail


async def test_lines_that_are_not_there_or_cannot_do_it(bus):
    assert (await fault_of(bus.switch("ro-le_9", True))).code == "driver.unknown_line"
    assert (await fault_of(bus.measure("nobody_1"))).code == "driver.unknown_line"
    assert (await fault_of(bus.switch("dong-ho_power", True))).code == "driver.unknown_line"
    assert (await fault_of(bus.read("dong-ho_power"))).code == "driver.unknown_line"
    assert (await fault_of(bus.dim("ro-le_1", 50))).code == "driver.not_dimmable"
    for level in (-1, 101, math.nan):
        with pytest.raises(ValueError, match=r"0\.\.100"):
            await bus.dim("den_lamp", level)


async def test_a_register_that_the_device_lacks_is_told_with_its_exception(real, dimmer):
    async with (
        tcp_server([device(5, holding=[0, 0], inputs=[0])]) as server,
        make(real, host="127.0.0.1", tcp_port=server.port, devices={"den": {"unit": 5, "map": dimmer}}) as bus,
    ):
        fault = await fault_of(bus.measure("den_litres"))
        assert fault.code == "driver.io"
        assert "exception 2" in fault.detail
        assert (await bus.measure("den_door")).value == 0  # it is there all the same: nothing rests


async def test_rtu_frames_through_a_plain_gateway(real, dimmer):
    async with (
        tcp_server(devices(), framer=FramerType.RTU) as server,
        make(real, host="127.0.0.1", tcp_port=server.port, framer="rtu-over-tcp", devices=commune(dimmer)) as bus,
    ):
        await bus.switch("ro-le_2", True)
        assert await bus.read("ro-le_2")
        assert (await bus.measure("dong-ho_frequency")).value == 50.01


async def test_neighbours_are_asked_for_together_and_kept_for_a_moment(real):
    questions = []

    def count(sending, pdu):
        if not sending:
            questions.append((pdu.function_code, pdu.address, pdu.count))
        return pdu

    async with (
        tcp_server(devices(), trace_pdu=count) as server,
        make(
            real,
            host="127.0.0.1",
            tcp_port=server.port,
            cache_s=60,
            devices={"dong-ho": {"unit": 2, "map": "eastron-sdm630"}, "ro-le": {"unit": 1, "map": "waveshare-relay-8"}},
        ) as bus,
    ):
        channels = [each.id for each in bus.capabilities()]
        await asyncio.gather(*(bus.measure(channel) for channel in channels))
        await asyncio.gather(*(bus.measure(channel) for channel in channels))
        assert sorted(questions) == [(1, 0, 8), (4, 0, 18), (4, 52, 24), (4, 224, 2), (4, 342, 2)]
        await bus.switch("ro-le_1", True)
        assert await bus.read("ro-le_1")  # what was kept from before the command is not believed
        assert not await bus.read("ro-le_2")


async def test_a_write_that_does_not_take_is_stuck(real, dimmer):
    async with (
        tcp_server(devices()) as server,
        make(real, host="127.0.0.1", tcp_port=server.port, devices={"den": {"unit": 5, "map": dimmer}}) as bus,
    ):
        stop = asyncio.Event()

        async def another_hand():
            while not stop.is_set():
                await server.async_setValues(5, 6, 0, [0])
                await asyncio.sleep(0)

        hand = asyncio.create_task(another_hand())
        try:
            fault = await fault_of(bus.dim("den_lamp", 100))
        finally:
            stop.set()
            await hand
        assert fault.code == "driver.stuck"
        assert "holding 0 says [0]" in fault.detail
        await bus.dim("den_lamp", 100)


async def test_comes_back_when_the_server_does(real):
    port = free_port()
    config = {
        "host": "127.0.0.1",
        "tcp_port": port,
        "timeout_s": 0.3,
        "cache_s": 0,
        "retry_s": 0.1,
        "retry_most_s": 0.2,
        "devices": {"khi-hau": {"unit": 4, "map": "xy-md02"}},
    }
    with pytest.raises(DriverFault) as caught:
        await make(real, **config).__aenter__()
    assert (caught.value.code, caught.value.retry) == ("driver.io", True)
    async with tcp_server(devices(), port):
        bus = await make(real, **config).__aenter__()
        assert (await bus.measure("khi-hau_temperature")).value == 29.1
        assert (await bus.check()).ok
    try:
        fault = await fault_of(bus.measure("khi-hau_temperature"))
        assert fault.code in ("driver.io", "driver.silent")
        await asyncio.sleep(0.25)
        check = await bus.check()
        assert (check.ok, check.code) == (False, "driver.io")
        async with tcp_server(devices(), port):
            await asyncio.sleep(0.25)
            assert (await bus.check()).ok
            assert (await bus.measure("khi-hau_temperature")).value == 29.1
    finally:
        await bus.__aexit__(None, None, None)
    assert (await fault_of(bus.measure("khi-hau_temperature"))).code == "driver.closed"


async def test_closing_ends_what_waits(real):
    async def say_nothing(reader, _writer):
        await reader.read()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    units = {"a": {"unit": 7, "map": "xy-md02"}, "b": {"unit": 8, "map": "xy-md02"}}
    async with server:
        async with make(real, host="127.0.0.1", tcp_port=port, timeout_s=10, devices=units) as bus:
            waiting = [asyncio.create_task(fault_of(bus.measure(f"{name}_humidity"))) for name in "ab"]
            await asyncio.sleep(0.1)
        faults = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert {fault.code for fault in faults} == {"driver.closed"}
