import asyncio
import json
import threading

import pytest
from drivers_gpio_lines import FakeGpio
from drivers_stand_ins import until
from pydantic import ValidationError

from drivers.contract import DriverFault
from drivers.gpio import contact
from drivers.gpio.driver import Gpio

Config = Gpio.Config
DOOR, WATER = {"pin": 22}, {"pin": 23, "counts_per_unit": 450}


@pytest.fixture
def gpio():
    return FakeGpio()


def driver(context, gpio, **inputs):
    return Gpio(Config(inputs=inputs), context, module=gpio)


def listen(inputs):
    told = []
    inputs.watch(lambda channel, value: told.append((channel, value.value, threading.current_thread())))
    return told


async def test_a_contact_to_ground_is_told_when_it_closes_and_opens(real, gpio):
    inputs = driver(real, gpio, door=DOOR)
    told = listen(inputs)
    async with inputs:
        assert ("setup", 22, gpio.IN, gpio.PUD_UP) in gpio.calls
        assert (await inputs.measure("door")).value == 0
        gpio.drive(22, 0)
        await until(lambda: told)
        assert (await inputs.measure("door")).value == 1
        gpio.drive(22, 1)
        await until(lambda: len(told) == 2)
    assert [entry[:2] for entry in told] == [("door", 1.0), ("door", 0.0)]
    assert {entry[2] for entry in told} == {threading.main_thread()}, "told on the loop, not in the module's thread"
    assert gpio.listening == {}, "nobody listens to a closed driver"
    gpio.drive(22, 0)


async def test_a_bouncing_contact_is_one_change(real, gpio):
    inputs = driver(real, gpio, door={**DOOR, "debounce_ms": 80}, gate={"pin": 24, "debounce_ms": 80})
    told = listen(inputs)
    async with inputs:
        gpio.drive(22, *[0, 1] * 200, 0)
        gpio.drive(24, *[0, 1] * 200)  # ends where it was
        await until(lambda: told)
        await asyncio.sleep(0.2)
    assert [entry[:2] for entry in told] == [("door", 1.0)]


async def test_a_flood_of_edges_keeps_one_call_waiting(real, gpio, monkeypatch):
    inputs = driver(real, gpio, door=DOOR)
    async with inputs:
        calls = []
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(loop, "call_soon_threadsafe", lambda *call: calls.append(call))
            gpio.drive(22, *[0, 1] * 5000)
        assert len(calls) == 1


async def test_a_contact_that_never_rests_is_a_fault_and_recovers(real, gpio, monkeypatch):
    monkeypatch.setattr(contact, "RESTLESS_S", 0.05)
    inputs = driver(real, gpio, door={**DOOR, "debounce_ms": 200})
    async with inputs:
        for _ in range(6):
            gpio.drive(22, 0, 1)
            await asyncio.sleep(0.03)
        with pytest.raises(DriverFault, match=r"driver\.bad_value.*pin 22 has not been at rest"):
            await inputs.measure("door")
        gpio.drive(22, 0)
        await asyncio.sleep(0.4)
        assert (await inputs.measure("door")).value == 1


async def test_an_edge_that_was_lost_is_found_by_the_next_question(real, gpio):
    inputs = driver(real, gpio, door=DOOR)
    told = listen(inputs)
    async with inputs:
        gpio.levels[22] = 0  # and nobody calls
        await inputs.measure("door")
        await until(lambda: told)
        assert (await inputs.measure("door")).value == 1


async def test_without_edges_the_pin_is_looked_at(real, gpio, caplog):
    gpio.edges = False
    inputs = driver(real, gpio, door=DOOR, water=WATER)
    told = listen(inputs)
    async with inputs:
        for level in (0, 1, 0):
            gpio.levels[22] = gpio.levels[23] = level
            await asyncio.sleep(0.2)
        await until(lambda: ("door", 1.0) in [entry[:2] for entry in told])
        assert (await inputs.measure("water")).value == pytest.approx(2 / 450)
    assert "no edges on door, water" in caplog.text


async def test_active_high_and_pull_down(real, gpio):
    async with driver(real, gpio, cell={"pin": 5, "pull": "down", "active_low": False}) as inputs:
        assert ("setup", 5, gpio.IN, gpio.PUD_DOWN) in gpio.calls
        assert (await inputs.measure("cell")).value == 0
        gpio.drive(5, 1)
        await asyncio.sleep(0.1)
        assert (await inputs.measure("cell")).value == 1


async def test_pulses_become_litres_and_go_on_after_a_restart(real, gpio):
    inputs = driver(real, gpio, water={**WATER, "debounce_ms": 0})
    told = listen(inputs)
    async with inputs:
        gpio.drive(23, *[0, 1] * 900)
        assert (await inputs.measure("water")).value == 2
        assert (await inputs.measure("water_rate")).value > 0
        await until(lambda: told)
    assert told[0][:2] == ("water", 2.0)
    assert json.loads((real.directory / "counts.json").read_text()) == {"water": 900}
    async with driver(real, gpio, water={**WATER, "debounce_ms": 0}) as inputs:
        assert (await inputs.measure("water_rate")).value == 0, "what was counted in another life is no flow"
        gpio.drive(23, 0, 1)
        assert (await inputs.measure("water")).value == pytest.approx(901 / 450)


async def test_the_flow_is_that_of_the_last_seconds(real, gpio):
    from drivers.gpio.config import InputLine
    from drivers.gpio.pins import Pins
    from drivers.gpio.pulses import Pulses

    now = [100.0]
    meter = Pulses(InputLine(**WATER, debounce_ms=0), Pins(gpio), clock=lambda: now[0])
    meter.open(10_000)
    for _ in range(20):
        now[0] += 1
        gpio.drive(23, *[0, 1] * 15)  # 15 a second of 450 a litre: 2 litres a minute
        meter.look()
    assert meter.rate() == pytest.approx(2)
    for _ in range(12):
        now[0] += 1
        meter.look()
    assert meter.rate() == 0
    assert meter.count == 10_300


async def test_a_bouncing_reed_counts_once(real, gpio):
    async with driver(real, gpio, water={"pin": 23, "counts_per_unit": 1, "debounce_ms": 5000}) as inputs:
        gpio.drive(23, 0, 1, 0, 1, 0, 1)
        assert (await inputs.measure("water")).value == 1


@pytest.mark.parametrize("kept", ["{", "[]", '{"water": "x"}', "\x00" * 20])
async def test_a_damaged_file_of_counts_is_set_aside(real, gpio, caplog, kept):
    (real.directory / "counts.json").write_text(kept)
    async with driver(real, gpio, water=WATER) as inputs:
        assert (await inputs.measure("water")).value == 0
    assert "counting begins anew" in caplog.text
    assert (real.directory / "counts.json.bad").read_text() == kept


async def test_a_listener_that_fails_does_not_end_the_looking(real, gpio, caplog):
    inputs = driver(real, gpio, door=DOOR)

    def fails(channel, value):
        raise ValueError("listener")

    inputs.watch(fails)
    async with inputs:
        gpio.drive(22, 0)
        await until(lambda: "who listens to door failed" in caplog.text)
        assert (await inputs.measure("door")).value == 1


async def test_faults_of_inputs_have_codes(real, gpio):
    inputs = driver(real, gpio, door=DOOR, water=WATER)
    with pytest.raises(DriverFault, match=r"driver\.closed"):
        await inputs.measure("door")
    async with inputs:
        with pytest.raises(DriverFault, match="there is no input 'gate'; known are: door, water, water_rate"):
            await inputs.measure("gate")
        with pytest.raises(DriverFault, match=r"driver\.unknown_line"):
            await inputs.measure("door_rate")
        with pytest.raises(DriverFault, match=r"driver\.unknown_line"):
            await inputs.switch("door", True)
        gpio.error = OSError("gone")
        with pytest.raises(DriverFault, match=r"driver\.io.*pin 22: gone"):
            await inputs.measure("door")
    gpio.error = OSError("busy")
    with pytest.raises(DriverFault, match=r"driver\.io"):
        async with inputs:
            pass


def test_a_line_and_an_input_cannot_share_a_pin_or_a_name():
    with pytest.raises(ValidationError, match="'lamp' and 'door' are both on pin 22"):
        Config(lines={"lamp": {"pin": 22}}, inputs={"door": DOOR})
    with pytest.raises(ValidationError, match="the name 'door' is used twice"):
        Config(lines={"door": {"pin": 4}}, inputs={"door": DOOR})
    with pytest.raises(ValidationError, match="the name 'water_rate' is used twice"):
        Config(inputs={"water": WATER, "water_rate": {"pin": 5}})


def test_pulses_need_less_debouncing_than_contacts():
    config = Config(inputs={"door": DOOR, "water": WATER, "reed": {**WATER, "pin": 4, "debounce_ms": 50}})
    assert [entry.debounce_ms for entry in config.inputs.values()] == [30, 1, 50]
