"""Sensors by the kernel's files, on a tree of files laid out as the kernel lays it out."""

import asyncio
import os
import shutil

import pytest
from pydantic import ValidationError

from drivers.contract import DriverFault, Measuring
from drivers.kernel.driver import KernelSensors

W1 = "28-0316a2795d0f"
GOOD = "f2 01 4b 46 7f ff 0c 10 5e : crc=5e YES\nf2 01 4b 46 7f ff 0c 10 5e t={}\n"
WRONG = "f2 01 4b 46 7f ff 0c 10 5e : crc=5f NO\nf2 01 4b 46 7f ff 0c 10 5e t=31125\n"
LINES = {
    "ao": {"w1": W1.upper(), "name": "Ao cá"},
    "tu": {"hwmon": "lm75", "input": "temp1_input"},
    "kho": {"hwmon": "lm75", "input": "temp1_input", "address": "1-0049"},
    "am": {"iio": "si7020", "input": "in_humidityrelative_input"},
    "soc": {"path": "class/thermal/thermal_zone0/temp"},
    "dat": {"path": "firmware/soil", "scale": 0.1, "unit": "kPa", "minimum": -100, "maximum": 0},
}


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def hwmon(root, number, address, text, name="lm75"):
    """As the kernel does: class/hwmon/hwmonN is a link into the device, whose `device` leads back to it."""
    real = root / "devices/i2c-1" / address / "hwmon" / f"hwmon{number}"
    put(real / "name", f"{name}\n")
    put(real / "temp1_input", text)
    (real / "device").symlink_to("../..")
    (root / "class/hwmon").mkdir(parents=True, exist_ok=True)
    (root / "class/hwmon" / f"hwmon{number}").symlink_to(real)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "sys"
    put(root / "bus/w1/devices" / W1 / "w1_slave", GOOD.format(31125))
    hwmon(root, 3, "1-0049", "28500\n")
    iio = root / "devices/i2c-1/1-0040/iio:device0"
    put(iio / "name", "si7020\n")
    put(iio / "in_humidityrelative_input", "61250\n")
    (root / "bus/iio/devices").mkdir(parents=True)
    (root / "bus/iio/devices/iio:device0").symlink_to(iio)
    put(root / "class/thermal/thermal_zone0/temp", "45123\n")
    put(root / "firmware/soil", "-233\n")
    return root


def sensors(context, root, lines=LINES):
    return KernelSensors(KernelSensors.Config.model_validate({"root": root, "lines": lines}), context)


async def fault_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value


async def code_of(awaitable):
    return (await fault_of(awaitable)).code


async def test_measures_each_kind_in_its_unit(real, root):
    driver = sensors(real, root)
    assert isinstance(driver, Measuring)
    assert (await driver.check()).ok
    units = {c.id: (c.unit, c.kind, c.writable) for c in driver.capabilities()}
    assert units["ao"] == ("Cel", "sensor", False)
    assert units["am"] == ("%", "sensor", False)
    assert units["dat"] == ("kPa", "sensor", False)
    assert await code_of(driver.measure("ao")) == "driver.closed"
    async with driver:
        values = {line: (await driver.measure(line)).value for line in LINES}
        assert await code_of(driver.measure("nothing")) == "driver.unknown_line"
    assert values == pytest.approx(
        {"ao": 31.125, "tu": 28.5, "kho": 28.5, "am": 61.25, "soc": 45.123, "dat": -23.3}, abs=1e-9
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.format(-1062), -1.062),
        (GOOD.format(-55000), -55),
        (GOOD.format(84937), 84.937),
        (GOOD.format(0), 0),
        (GOOD.format(85000), "driver.bad_value"),
        (GOOD.format(-55001), "driver.bad_value"),
        (GOOD.format(127687), "driver.bad_value"),
        (GOOD.format("-"), "driver.bad_value"),
        (GOOD.format("1e3"), "driver.bad_value"),
        (WRONG, "driver.bad_value"),
        ("YES\n", "driver.bad_value"),
        ("", "driver.bad_value"),
        ("00 00 00 00 00 00 00 00 00 : crc=00 YES", "driver.bad_value"),
    ],
)
async def test_one_wire_is_believed_only_with_its_crc_and_never_its_first_word(real, root, text, expected):
    put(root / "bus/w1/devices" / W1 / "w1_slave", text)
    async with sensors(real, root) as driver:
        if isinstance(expected, str):
            assert await code_of(driver.measure("ao")) == expected
        else:
            assert (await driver.measure("ao")).value == pytest.approx(expected)


async def test_a_kernel_that_gives_only_the_temperature_file(real, root):
    folder = root / "bus/w1/devices" / W1
    (folder / "w1_slave").unlink()
    put(folder / "temperature", "-4500\n")
    async with sensors(real, root) as driver:
        assert (await driver.measure("ao")).value == -4.5
        put(folder / "temperature", "85000\n")
        assert await code_of(driver.measure("ao")) == "driver.bad_value"


@pytest.mark.parametrize("text", ["", "nan", "inf", "-", "28 500", "28_500", "126000", "-56000", "\xe9", "9" * 400])
async def test_what_cannot_be_a_temperature_is_refused(real, root, text):
    put(root / "class/thermal/thermal_zone0/temp", text)
    async with sensors(real, root) as driver:
        assert await code_of(driver.measure("soc")) == "driver.bad_value"


async def test_a_sensor_that_is_pulled_out_comes_back_and_the_others_go_on(real, root):
    folder = root / "bus/w1/devices" / W1
    async with sensors(real, root) as driver:
        shutil.rmtree(folder)
        fault = await fault_of(driver.measure("ao"))
        assert (fault.code, fault.retry) == ("driver.no_device", True)
        assert (await driver.measure("tu")).value == 28.5
        put(folder / "w1_slave", GOOD.format(30000))
        assert (await driver.measure("ao")).value == 30


async def test_a_chip_that_comes_back_under_another_number_is_found_by_its_name(real, root):
    async with sensors(real, root) as driver:
        assert (await driver.measure("tu")).value == 28.5
        (root / "class/hwmon/hwmon3").unlink()
        shutil.rmtree(root / "devices/i2c-1/1-0049")
        assert await code_of(driver.measure("tu")) == "driver.no_device"
        hwmon(root, 3, "cpu", "51000\n", name="cpu_thermal")
        hwmon(root, 7, "1-0049", "29000\n")
        assert (await driver.measure("tu")).value == 29


async def test_two_chips_of_one_name_are_told_apart_by_their_address(real, root):
    hwmon(root, 4, "1-0048", "33000\n")
    async with sensors(real, root) as driver:
        fault = await fault_of(driver.measure("tu"))
        assert (fault.code, "1-0048" in fault.detail, "1-0049" in fault.detail) == ("driver.no_device", True, True)
        assert (await driver.measure("kho")).value == 28.5


async def test_a_bus_that_hangs_holds_up_nobody(real, root, monkeypatch):
    monkeypatch.setattr("drivers.kernel.driver._LIMIT_S", 0.3)
    path = root / "class/thermal/thermal_zone0/temp"
    path.unlink()
    os.mkfifo(path)  # opening it waits until somebody writes
    async with sensors(real, root) as driver:
        assert await code_of(driver.measure("soc")) == "driver.silent"
        assert await code_of(driver.measure("tu")) == "driver.silent"
        await asyncio.to_thread(path.write_text, "40000\n")
        async with asyncio.timeout(10):
            while driver._reading is None or not driver._reading.done():
                await asyncio.sleep(0.01)
        assert (await driver.measure("tu")).value == 28.5


async def test_without_the_kernels_files(real, tmp_path):
    driver = sensors(real, tmp_path / "nowhere")
    check = await driver.check()
    assert (check.ok, check.code) == (False, "driver.no_device")
    async with driver:
        assert {await code_of(driver.measure(line)) for line in LINES} == {"driver.no_device"}


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"w1": W1, "hwmon": "lm75", "input": "temp1_input"},
        {"w1": "28-xyz"},
        {"w1": "../../etc"},
        {"hwmon": "lm75"},
        {"iio": "si7020", "input": "../name"},
        {"path": "/etc/passwd"},
        {"path": "../etc/passwd"},
        {"path": "a", "scale": 0},
        {"path": "a", "factor": 2},
    ],
)
def test_config_is_strict(line):
    with pytest.raises(ValidationError):
        KernelSensors.Config.model_validate({"lines": {"x": line}})
