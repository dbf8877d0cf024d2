"""Runs inside the virtual machine, as root: the driver and the real rpi-lgpio on the kernel's simulated lines.

Each check prints one line of JSON after "RESULT ": its name, and what it saw. test_gpio_vm.py judges.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

os.environ |= {"RPI_LGPIO_CHIP": "0", "RPI_LGPIO_REVISION": "c03114", "LG_WD": "/tmp"}

from drivers.clock import SystemClock
from drivers.contract import DriverContext, DriverFault
from drivers.gpio.driver import Gpio

CONFIG = Path("/sys/kernel/config/gpio-sim/pi")
LINES = {"lamp": {"pin": 17}, "siren": {"pin": 27, "active_low": True}}
HOLDER = """
import asyncio, sys
sys.argv[0] = "holder"
from gpio_guest import driver
async def main():
    async with driver("holder", lines={"lamp": {"pin": 17}, "siren": {"pin": 27, "active_low": True}}) as lines:
        await lines.switch("lamp", True)
        await lines.switch("siren", True)
        print("on", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
DIMMER = """
import asyncio
from gpio_guest import driver
ROW = {"pin": 18, "pwm": "software", "frequency_hz": 20, "active_low": True}
async def main():
    async with driver("dimmer", lines={"row": ROW}) as lines:
        for level in (40, 80, 0):
            await lines.dim("row", level)
            print(level, flush=True)
            input()
asyncio.run(main())
"""


def plug():
    (CONFIG / "bank0").mkdir(parents=True, exist_ok=True)
    (CONFIG / "bank0/num_lines").write_text("54")
    (CONFIG / "bank0/label").write_text("pinctrl-bcm2711")
    (CONFIG / "live").write_text("1")


def line(pin, what):
    return next(Path("/sys/devices/platform").glob(f"gpio-sim.*/gpiochip*/sim_gpio{pin}/{what}"))


def value(pin):
    return int(line(pin, "value").read_text())


def pull(pin, level):
    """What the world pulls a line to; of an output it is seen when nobody holds it any more."""
    line(pin, "pull").write_text("pull-up" if level else "pull-down")


def driver(name="pins", **config):
    folder = Path("/tmp") / name
    folder.mkdir(exist_ok=True)
    context = DriverContext(name, SystemClock(), logging.getLogger("guest"), folder)
    return Gpio(Gpio.Config(**config), context)


def child(code):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


class Watch:
    """Looks at a line again and again in a process of its own, and remembers each level that it saw."""

    CODE = """
import sys
path, last = sys.argv[1], None
print("ready", flush=True)
while True:
    with open(path) as file:
        now = file.read(1)
    if now != last:
        print(now, flush=True)
        last = now
"""

    def __init__(self, pin):
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", self.CODE, str(line(pin, "value"))], stdout=subprocess.PIPE, text=True
        )
        self.process.stdout.readline()

    def end(self):
        time.sleep(0.3)
        self.process.kill()
        return [int(level) for level in self.process.stdout.read().split()]


class Trace:
    """All that the kernel is told to do with a line, however short: its own trace events."""

    ROOT = Path("/sys/kernel/tracing")

    def __init__(self, *pins):
        if not (self.ROOT / "trace").exists():
            subprocess.run(["mount", "-t", "tracefs", "trace", str(self.ROOT)], check=True)
        base = next(path for path in Path("/sys/class/gpio").glob("gpiochip*/base"))
        self.numbers = {int(base.read_text()) + pin: pin for pin in pins}
        (self.ROOT / "trace").write_text("")
        (self.ROOT / "events/gpio/enable").write_text("1")

    def end(self):
        """Pin -> its acts in order: a level that was set, or a direction."""
        (self.ROOT / "events/gpio/enable").write_text("0")
        acts = {pin: [] for pin in self.numbers.values()}
        for text in (self.ROOT / "trace").read_text().splitlines():
            words = text.split()
            if ("gpio_value:" in words and "set" in words) or "gpio_direction:" in words:
                at = next(at for at, word in enumerate(words) if word in ("gpio_value:", "gpio_direction:"))
                pin = self.numbers.get(int(words[at + 1]))
                if pin is not None:
                    acts[pin].append(words[at + 3] if words[at] == "gpio_value:" else words[at + 2])
        return acts


async def until(look, limit_s=20):
    limit = time.monotonic() + limit_s
    while not look():
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(0.02)
    return True


async def check_toggles():
    async with driver(lines=LINES) as lines:
        check = await lines.check()
        agree = 0
        for turn in range(100):
            await lines.switch("lamp", turn % 2 == 0)
            await lines.switch("siren", turn % 3 == 0)
            agree += value(17) == int(turn % 2 == 0) and value(27) == int(turn % 3 != 0)
        import RPi.GPIO

        return {"agree": agree, "check": check.code, "module": RPi.GPIO.__file__}


async def check_no_blip_at_start_and_stop():
    """The relay is off (1), then the driver opens, switches it off, closes."""
    pull(27, 1)
    watch, trace = Watch(27), Trace(27)
    for _ in range(3):
        async with driver(lines=LINES, on_close="off") as lines:
            await lines.switch("siren", False)
    return {"acts": trace.end()[27], "levels": watch.end()}


def kill_a_holder(siren, lamp):
    """Kill a process that holds both lines on, in a world that pulls them to these levels then."""
    process = child(HOLDER)
    process.stdout.readline()
    pull(27, siren)
    pull(17, lamp)
    return process


async def check_killed_where_lines_keep_their_level():
    """As Raspberry Pi OS does it: the world pulls to what was driven. What does the next process know and do?"""
    process = kill_a_holder(siren=0, lamp=1)
    held = (await driver("other", lines=LINES).check()).detail
    siren, lamp, trace = Watch(27), Watch(17), Trace(27, 17)
    process.kill()
    process.wait()
    async with driver("next", lines=LINES) as lines:
        known = [await lines.read("siren"), await lines.read("lamp")]
        await lines.switch("siren", True)
        await lines.switch("lamp", True)
    acts = trace.end()
    return {"held": held, "known": known, "acts": [acts[27], acts[17]], "siren": siren.end(), "lamp": lamp.end()}


async def check_killed_where_lines_float():
    """As other kernels do it: the line floats, and the board's resistor decides; of an active-low board that is off."""
    process = kill_a_holder(siren=1, lamp=0)
    before = [value(27), value(17)]
    process.kill()
    process.wait()
    async with driver("next", lines=LINES) as lines:
        return {"before": before, "after": [value(27), value(17)], "on": [await lines.read(name) for name in LINES]}


async def check_unclaimed_input():
    async with driver(lines={"free": {"pin": 5}}) as lines:
        try:
            await lines.read("free")
        except DriverFault as fault:
            return {"code": fault.code}
    return {"code": "none"}


async def check_pwm():
    """Shares of high, sampled; an active-low line never falls to 0 when its pulses end."""

    def sampled():
        samples = []
        end = time.monotonic() + 3
        while time.monotonic() < end:
            samples.append(value(18))
            time.sleep(0.0013)
        return sum(samples) / len(samples)

    def go_on():
        process.stdin.write("\n")
        process.stdin.flush()

    pull(18, 1)
    seen = {}
    process = child(DIMMER)
    for _ in range(2):
        name = process.stdout.readline().strip()
        await asyncio.sleep(0.3)
        seen[name] = sampled()
        go_on()
    process.stdout.readline()
    watch = Watch(18)
    go_on()
    process.wait(30)
    return {**seen, "ended": watch.end(), "exit": process.returncode}


async def check_inputs():
    told = []
    inputs = {"door": {"pin": 22, "debounce_ms": 200}, "water": {"pin": 23, "counts_per_unit": 10, "debounce_ms": 0}}
    pins = driver(inputs=inputs)
    pins.watch(lambda channel, now: told.append((channel, now.value)))
    pull(22, 1)
    pull(23, 1)
    async with pins:
        before = (await pins.measure("door")).value
        for level in [0, 1] * 10 + [0]:  # bounces, and ends closed
            pull(22, level)
        closed = await until(lambda: ("door", 1.0) in told)
        await asyncio.sleep(0.5)
        door = [now for channel, now in told if channel == "door"]
        for _ in range(50):
            pull(23, 0)
            await asyncio.sleep(0.01)
            pull(23, 1)
            await asyncio.sleep(0.01)
        await until(lambda: ("water", 5.0) in told, 5)
        litres = (await pins.measure("water")).value
    return {"before": before, "closed": closed, "door": door, "litres": litres}


async def check_hardware_pwm():
    async with driver(lines={"row": {"pin": 18, "pwm": "hardware", "frequency_hz": 1000}}) as lines:
        check = await lines.check()
        try:
            await lines.level("row")
            fresh = "known"
        except DriverFault as fault:
            fresh = fault.code
        await lines.dim("row", 25)
    folder = Path("/sys/class/pwm/pwmchip0/pwm2")
    kept = {name: int((folder / name).read_text()) for name in ("period", "duty_cycle", "enable")}
    async with driver("again", lines={"row": {"pin": 18, "pwm": "hardware", "frequency_hz": 20_000}}) as lines:
        level = await lines.level("row")
        await lines.dim("row", 50)
    other = {name: int((folder / name).read_text()) for name in ("period", "duty_cycle", "enable")}
    return {"check": check.code, "fresh": fresh, "kept": kept, "level": level, "other": other}


async def check_vanished():
    async with driver(lines=LINES) as lines:
        await lines.switch("lamp", True)
        (CONFIG / "live").write_text("0")
        try:
            await lines.switch("lamp", False)
            fault = "none"
        except DriverFault as error:
            fault = error.code
        check = (await lines.check()).code
        # it comes back under another number while a program still holds the lost one, as on real machines
        plug()
        os.environ["RPI_LGPIO_CHIP"] = next(Path("/dev").glob("gpiochip*")).name.removeprefix("gpiochip")
        await lines.switch("lamp", True)
        return {"fault": fault, "check": check, "level": value(17)}


def one(name):
    """A check, in a process of its own: what it claimed is let go of when it ends."""
    began = time.monotonic()
    try:
        seen = asyncio.run(globals()[f"check_{name}"]())
    except Exception:
        seen = {"error": traceback.format_exc()}
    took = round(time.monotonic() - began, 1)
    sys.stdout.write("RESULT " + json.dumps({"name": name, "seen": seen, "seconds": took}) + "\n")


def main():
    plug()
    os.chdir("/")
    for name in [name[6:] for name in globals() if name.startswith("check_")]:
        subprocess.run([sys.executable, "-u", __file__, name], timeout=120, check=False)


if __name__ == "__main__":
    one(sys.argv[1]) if len(sys.argv) > 1 else main()
