"""The GPIO driver and the real rpi-lgpio on real lines of the Linux kernel: gpio-sim, in a small virtual machine.

The machine is built by scripts/vm/build (Debian 12, amd64); where it cannot be built these tests fail and say why.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from system_rig import ROOT

pytestmark = pytest.mark.long
Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    built = subprocess.run([ROOT / "scripts/vm/build"], capture_output=True, text=True, timeout=900, check=False)
    assert built.returncode == 0, built.stderr
    guest = Path(__file__).with_name("gpio_guest.py")
    done = subprocess.run(
        [ROOT / "scripts/vm/run", sys.executable, guest], capture_output=True, text=True, timeout=600, check=False
    )
    found: Seen = {}
    for line in done.stdout.splitlines():
        _, mark, text = line.partition("RESULT ")
        if mark:
            result = json.loads(text)
            found[result["name"]] = result["seen"]
    assert "VM: ended with 0" in done.stdout, (done.stdout + done.stderr)[-3000:]
    return found


def test_a_hundred_of_a_hundred_toggles_by_the_real_module(seen: Seen) -> None:
    assert seen["toggles"]["agree"] == 100
    assert seen["toggles"]["check"] == "ok"
    assert "RPi/GPIO" in seen["toggles"]["module"]


def test_an_active_low_relay_does_not_blip_at_start_and_stop(seen: Seen) -> None:
    acts = seen["no_blip_at_start_and_stop"]["acts"]
    assert "out" in acts
    assert set(acts) == {"1", "out"}, "the kernel was never told anything else, however short"
    assert seen["no_blip_at_start_and_stop"]["levels"] == [1]


def test_the_lines_of_a_killed_process_are_known_to_the_next_and_not_blinked(seen: Seen) -> None:
    killed = seen["killed_where_lines_keep_their_level"]
    assert killed["known"] == [True, True], "asked before anything was claimed"
    assert [set(acts) for acts in killed["acts"]] == [{"0", "out"}, {"1", "out"}], "never an input in between"
    assert (killed["siren"], killed["lamp"]) == ([0], [1]), "killed, looked at, claimed again: not one blink"
    assert "is held by 'lg'" in killed["held"]


def test_where_lines_float_an_active_low_board_with_its_resistor_is_off_after_a_kill(seen: Seen) -> None:
    killed = seen["killed_where_lines_float"]
    assert killed["before"] == [0, 1], "both on"
    assert (killed["after"], killed["on"]) == ([1, 0], [False, False])


def test_a_pin_that_nobody_drives_is_unknown(seen: Seen) -> None:
    assert seen["unclaimed_input"] == {"code": "driver.unclaimed"}


def test_pulses_have_their_width_and_end_without_a_blip(seen: Seen) -> None:
    pwm = seen["pwm"]
    assert pwm["40"] == pytest.approx(0.6, abs=0.1), "active low: 40 % on is 60 % high"
    assert pwm["80"] == pytest.approx(0.2, abs=0.1)
    assert (pwm["ended"], pwm["exit"]) == ([1], 0), "off, then the process ended: never ON again"


def test_a_bouncing_contact_is_one_change_and_every_pulse_is_counted(seen: Seen) -> None:
    assert seen["inputs"] == {"before": 0, "closed": True, "door": [1.0], "litres": 5.0}


def test_the_kernels_own_pwm_goes_on_without_a_process(seen: Seen) -> None:
    pwm = seen["hardware_pwm"]
    assert (pwm["check"], pwm["fresh"]) == ("ok", "driver.unclaimed")
    assert pwm["kept"] == {"period": 1_000_000, "duty_cycle": 250_000, "enable": 1}
    assert pwm["level"] == 25
    assert pwm["other"] == {"period": 50_000, "duty_cycle": 25_000, "enable": 1}


def test_a_chip_that_comes_back_is_used_again(seen: Seen) -> None:
    assert seen["vanished"] == {"fault": "driver.io", "check": "driver.no_device", "level": 1}
