import gc
import math

import pytest
from drivers_gpio_lines import FakeGpio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.contract import DriverFault
from drivers.gpio.curve import level_of, width_of
from drivers.gpio.driver import Gpio
from drivers.gpio.pwm import PwmChannel

Config = Gpio.Config


@pytest.fixture
def gpio():
    return FakeGpio()


def dimmer(context, gpio, on_close="keep", **line):
    return Gpio(Config(lines={"row": {"pin": 18, "pwm": "software", **line}}, on_close=on_close), context, module=gpio)


def duties(gpio):
    return [call[2] for call in gpio.calls if call[0] == "duty"]


async def test_pulses_begin_on_a_line_that_is_off(jump, gpio):
    async with dimmer(jump, gpio, frequency_hz=100) as lines:
        await lines.dim("row", 40)
        assert ("setup", 18, gpio.OUT, 0) in gpio.calls
        assert (gpio.fakes[18].frequency, gpio.fakes[18].duty) == (100, 40)
        assert await lines.level("row") == 40
        assert await lines.read("row") is True


async def test_full_and_off_are_plain_levels(jump, gpio):
    async with dimmer(jump, gpio) as lines:
        await lines.switch("row", True)
        await lines.dim("row", 0)
        await lines.dim("row", 100)
        assert await lines.level("row") == 100
    assert duties(gpio) == []
    assert gpio.fakes == {}, "no thread was made"


async def test_an_active_low_line_is_pulsed_inverted_and_never_falls_to_zero(jump, gpio):
    async with dimmer(jump, gpio, active_low=True) as lines:
        await lines.dim("row", 30)
        assert duties(gpio) == [70]
        await lines.switch("row", False)
        assert gpio.levels[18] == 1
        assert await lines.read("row") is False
    gc.collect()
    assert gpio.levels[18] == 1, "the end of a PWM object writes 0, which is ON here"


async def test_pulses_made_by_a_thread_end_with_the_driver_and_the_line_is_off(jump, gpio):
    async with dimmer(jump, gpio, active_low=True) as lines:
        await lines.dim("row", 30)
    gc.collect()
    assert gpio.levels[18] == 1
    async with dimmer(jump, gpio, active_low=True) as lines:
        assert await lines.level("row") == 0
        await lines.dim("row", 20)
        assert duties(gpio)[-1] == 80
        await lines.dim("row", 100)
    assert gpio.levels[18] == 0, "full is a plain level: kept"


async def test_a_lit_line_stays_lit_until_its_pulses_begin(jump, gpio):
    gpio.directions, gpio.levels = {18: gpio.OUT}, {18: 0}
    async with dimmer(jump, gpio, active_low=True) as lines:
        assert await lines.level("row") == 100
        await lines.dim("row", 60)
    before = gpio.calls[: gpio.calls.index(("duty", 18, 40.0))]
    assert not [call for call in before if call[0] in ("output", "setup") and call[-1] == 1]


@pytest.mark.parametrize("level", [-1, 100.5, math.nan])
async def test_a_level_that_is_none_is_refused(jump, gpio, level):
    async with dimmer(jump, gpio) as lines:
        with pytest.raises(DriverFault, match=r"driver\.bad_value"):
            await lines.dim("row", level)
    assert 18 not in gpio.levels


@given(st.floats(0, 100), st.sampled_from(["linear", "perceived"]), st.floats(0, 90))
def test_level_and_width_are_one_to_one(level, curve, minimum):
    width = width_of(level, curve, minimum)
    assert 0 <= width <= 100
    assert level_of(width, curve, minimum) == pytest.approx(level, abs=1e-6)


def test_half_the_brightness_is_a_fifth_of_the_power():
    assert width_of(50, "perceived", 0) == pytest.approx(18.42, abs=0.01)  # CIE: Y = ((50 + 16) / 116)^3
    assert width_of(0.1, "linear", 20) == pytest.approx(20.08)
    assert (width_of(0, "perceived", 20), width_of(100, "perceived", 20)) == (0, 100)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"pwm": "software", "frequency_hz": 2000}, "at most 1000 pulses"),
        ({"pin": 17, "pwm": "hardware"}, "pin 17 has no hardware PWM"),
        ({"pwm": "none", "frequency_hz": 100}, "are for pwm: software or hardware"),
        ({"pwm": "software", "pwm_chip": 0}, "are for pwm: hardware"),
        ({"pwm": "software", "minimum": 95}, "less than or equal to 90"),
    ],
)
def test_settings_that_make_no_sense_are_refused(line, said):
    with pytest.raises(ValidationError, match=said):
        Config(lines={"row": {"pin": 18, **line}})


def pwm_files(root, channels, exported=()):
    """The kernel's files, without a kernel: what is written is seen. The real ones are in the test of the machine."""
    chip = root / "pwmchip0"
    chip.mkdir(parents=True)
    (chip / "npwm").write_text(f"{channels}\n")
    (chip / "export").write_text("")
    for number in exported:
        folder = chip / f"pwm{number}"
        folder.mkdir()
        for name in ("period", "duty_cycle", "enable"):
            (folder / name).write_text("0\n")
    return chip


@pytest.mark.parametrize(("channels", "pin", "number"), [(2, 12, 0), (2, 19, 1), (4, 18, 2), (4, 19, 3), (4, 13, 1)])
def test_the_channel_of_a_pin_depends_on_the_board(tmp_path, channels, pin, number):
    pwm_files(tmp_path, channels)
    assert PwmChannel(pin, None, None, tmp_path).check().detail == f"pwmchip0, channel {number}"


def test_hardware_pulses_are_set_by_the_kernels_files(tmp_path):
    folder = pwm_files(tmp_path, 2, exported=[0]) / "pwm0"
    channel = PwmChannel(18, None, None, tmp_path)
    assert channel.width() is None
    channel.set(1000, 25)
    assert [(folder / name).read_text() for name in ("period", "duty_cycle", "enable")] == ["1000000", "250000", "1"]
    assert channel.width() == 25
    channel.set(2000, 100)
    assert [(folder / name).read_text() for name in ("period", "duty_cycle")] == ["500000", "500000"]


def test_what_is_missing_of_the_hardware_is_named(tmp_path):
    missing = PwmChannel(18, None, None, tmp_path).check()
    assert (missing.code, "dtoverlay" in missing.detail) == ("driver.no_device", True)
    pwm_files(tmp_path, 2)
    beyond = PwmChannel(18, None, 5, tmp_path).check()
    assert (beyond.code, "has 2 channels" in beyond.detail) == ("driver.no_device", True)
    with pytest.raises(DriverFault, match=r"driver\.io.*pwm0"):
        PwmChannel(18, None, None, tmp_path).set(100, 50)  # no kernel here that would make pwm0


def test_a_hardware_channel_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    import os

    pwm_files(tmp_path, 2)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    refused = PwmChannel(18, None, None, tmp_path).check()
    assert (refused.code, "group gpio" in refused.detail) == ("driver.no_permission", True)
