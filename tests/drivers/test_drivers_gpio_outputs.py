import importlib.util
import os
import sys
from pathlib import Path

import pytest
from drivers_gpio_lines import FakeGpio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.contract import DriverContext, DriverFault
from drivers.gpio import board
from drivers.gpio.driver import Gpio

Config = Gpio.Config
LINES = {"lamp": {"pin": 17, "name": "Lamp"}, "siren": {"pin": 27, "active_low": True}}


@pytest.fixture
def gpio():
    return FakeGpio()


def relay(context, gpio, **config):
    return Gpio(Config(lines=LINES, **config), context, module=gpio)


async def test_the_first_switch_claims_the_pin_with_its_level_in_one_act(jump, gpio):
    async with relay(jump, gpio) as lines:
        assert [call[0] for call in gpio.calls] == ["setwarnings", "setmode"]
        await lines.switch("lamp", False)
        await lines.switch("siren", False)
        await lines.switch("siren", True)
        assert await lines.read("lamp") is False
        assert await lines.read("siren") is True
    assert gpio.calls[2:] == [("setup", 17, FakeGpio.OUT, 0), ("setup", 27, FakeGpio.OUT, 1), ("output", 27, 0)]


@given(st.lists(st.tuples(st.sampled_from(["lamp", "siren"]), st.booleans()), max_size=30))
async def test_the_last_word_holds_whatever_the_order(tmp_path_factory, acts):
    from drivers.clock import standalone_context

    gpio, wanted = FakeGpio(), {}
    async with relay(standalone_context("x", tmp_path_factory.getbasetemp()), gpio) as lines:
        for line, on in acts:
            await lines.switch(line, on)
            wanted[line] = on
        for line, on in wanted.items():
            assert await lines.read(line) is on
    claims = [call[1] for call in gpio.calls if call[0] == "setup"]
    assert len(claims) == len(set(claims)) == len(wanted)


async def test_keeps_the_lines_on_close_unless_told_to_switch_off(jump, gpio):
    async with relay(jump, gpio) as lines:
        await lines.switch("lamp", True)
        await lines.switch("siren", True)
    assert gpio.levels == {17: 1, 27: 0}
    async with relay(jump, gpio, on_close="off") as lines:
        await lines.switch("siren", True)
    assert gpio.levels == {17: 1, 27: 1}, "only what this driver has switched is switched off"


async def test_a_failing_line_does_not_keep_the_others_on_at_close(jump, gpio, caplog):
    async with relay(jump, gpio, on_close="off") as lines:
        await lines.switch("lamp", True)
        await lines.switch("siren", True)
        gpio.shorted[17] = 1
    assert gpio.levels == {17: 0, 27: 1}
    assert "could not switch off" in caplog.text


async def test_faults_have_codes(jump, gpio):
    lines = relay(jump, gpio)
    with pytest.raises(DriverFault, match=r"driver\.closed"):
        await lines.switch("lamp", True)
    async with lines:
        with pytest.raises(DriverFault, match=r"driver\.unclaimed"):
            await lines.read("lamp")
        with pytest.raises(DriverFault, match=r"driver\.not_dimmable.*'lamp'"):
            await lines.dim("lamp", 50)
        with pytest.raises(DriverFault, match=r"driver\.unknown_line"):
            await lines.measure("door")
        with pytest.raises(DriverFault, match=r"driver\.unknown_line"):
            await lines.switch("lamb", True)
        gpio.error = RuntimeError("GPIO busy")
        with pytest.raises(DriverFault, match=r"driver\.io.*pin 17.*GPIO busy") as caught:
            await lines.switch("lamp", True)
        assert caught.value.retry
        gpio.error = None
        await lines.switch("lamp", True)
        gpio.shorted[17] = 1
        with pytest.raises(DriverFault, match=r"driver\.stuck.*pin 17 stays at 1"):
            await lines.switch("lamp", False)
        gpio.error = RuntimeError("gone")
        with pytest.raises(DriverFault, match=r"driver\.io"):
            await lines.read("lamp")


@pytest.mark.parametrize(
    ("error", "code"), [(PermissionError("denied"), "driver.no_permission"), (ValueError("mode"), "driver.io")]
)
async def test_a_chip_that_does_not_open_is_a_fault(jump, gpio, error, code):
    gpio.error = error
    with pytest.raises(DriverFault) as caught:
        async with relay(jump, gpio):
            pass
    assert caught.value.code == code


@pytest.mark.parametrize("pin", [-1, 28, "x"])
def test_pins_outside_the_header_are_refused(pin):
    with pytest.raises(ValidationError):
        Config(lines={"lamp": {"pin": pin}})


def test_two_lines_on_one_pin_are_refused():
    with pytest.raises(ValidationError, match="'lamp' and 'fan' are both on pin 17"):
        Config(lines={"lamp": {"pin": 17}, "fan": {"pin": 17}})


async def test_check_passes_with_a_given_module(jump, gpio):
    assert (await relay(jump, gpio).check()).ok
    assert not gpio.calls


async def test_the_real_module_says_why_it_cannot_work_here(jump):
    assert importlib.util.find_spec("RPi.GPIO"), "rpi-lgpio belongs to the development set"
    assert not board.MODEL.exists(), "this test is for a machine that is no Pi"
    check = await Gpio(Config(lines=LINES), jump).check()
    assert (check.ok, check.code) == (False, "driver.not_supported")
    assert "not a Raspberry Pi" in check.detail
    assert "RPi.GPIO" not in sys.modules


async def test_opening_with_the_real_module_here_is_a_fault(jump, monkeypatch):
    monkeypatch.setenv("LG_WD", str(jump.directory))
    before = Path.cwd()
    with pytest.raises(DriverFault, match="can only be run on a Raspberry Pi") as caught:
        async with Gpio(Config(lines=LINES), jump):
            pass
    assert caught.value.code == "driver.not_supported"
    assert Path.cwd() == before, "lgpio takes the whole process elsewhere"


def test_the_board_is_judged_by_its_model(tmp_path, monkeypatch):
    model = tmp_path / "model"
    model.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert board.model(model).ok
    model.write_bytes(b"Orange Pi Zero\0")
    refused = board.model(model)
    assert (refused.code, "Orange Pi Zero" in refused.detail) == ("driver.not_supported", True)
    monkeypatch.setenv("RPI_LGPIO_REVISION", "c03111")
    assert board.model(model).ok


def test_the_device_node_is_judged_by_presence_and_permission(tmp_path, monkeypatch):
    assert board.device(tmp_path).code == "driver.no_device"
    (tmp_path / "gpiochip4").touch()
    assert board.device(tmp_path).ok
    # The tests may run as root, whom file modes do not stop: ask for what an ordinary account would be told.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refused = board.device(tmp_path)
    assert refused.code == "driver.no_permission"
    assert "group gpio" in refused.detail


def test_a_missing_module_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = board.library()
    assert missing.code == "driver.missing_library"
    assert "edge-agent[gpio]" in missing.detail


async def test_what_the_last_run_left_on_is_known_before_it_is_switched(jump, gpio):
    gpio.directions, gpio.levels = {17: gpio.OUT, 27: gpio.OUT}, {17: 1, 27: 0}
    async with relay(jump, gpio) as lines:
        assert await lines.read("lamp") is True
        assert await lines.level("siren") == 100, "active low"
        await lines.switch("lamp", True)
    assert gpio.levels == {17: 1, 27: 0}
    assert not [call for call in gpio.calls if call[0] == "setup" and call[3] is not None], "no level was imposed"
    assert [call for call in gpio.calls if call[0] == "output"] == [("output", 17, 1)]


async def test_one_pin_has_one_driver(jump, gpio):
    other = DriverContext("other", jump.clock, jump.logger, jump.directory)
    async with relay(jump, gpio):
        with pytest.raises(DriverFault, match=r"pin 17 is used by the driver 'desk' already"):
            async with relay(other, gpio):
                pass
    async with relay(other, gpio) as lines:
        await lines.switch("lamp", True)


class Lgpio:
    """The library below rpi-lgpio, as far as a lost chip and the end of pulses need it."""

    error = OSError

    def __init__(self, gpio):
        self.gpio, self.gone, self.closed = gpio, False, []

    def gpio_get_line_info(self, handle, pin):
        if self.gone:
            raise self.error("bad handle")
        return [0, pin]

    def gpiochip_close(self, handle):
        self.closed.append(handle)
        raise self.error("no such chip")

    def tx_pwm(self, handle, pin, frequency, duty):
        self.gpio.calls.append(("tx_pwm", pin, frequency, duty))


async def test_a_chip_that_comes_back_is_opened_anew_and_one_bad_pin_is_no_reason(jump, gpio):
    gpio.lgpio, gpio._chip, gpio._alerts = Lgpio(gpio), 7, {}
    async with relay(jump, gpio) as lines:
        await lines.switch("siren", True)
        gpio.error = RuntimeError("GPIO busy")
        with pytest.raises(DriverFault, match=r"driver\.io"):
            await lines.switch("lamp", True)
        gpio.error = None
        await lines.switch("siren", True)
        assert gpio.lgpio.closed == [], "the other lines were let go for one"
        gpio.error, gpio.lgpio.gone = RuntimeError("No such device"), True
        for _ in range(2):  # as long as it is away
            with pytest.raises(DriverFault, match=r"driver\.io") as caught:
                await lines.switch("siren", True)
            assert caught.value.retry
        gpio.error, gpio.lgpio.gone = None, False
        gpio.calls.clear()
        await lines.switch("siren", True)
        assert gpio.lgpio.closed == [7]
        assert ("setup", 27, gpio.OUT, 0) in gpio.calls, "claimed again with its level in one act"
        assert await lines.read("siren") is True
