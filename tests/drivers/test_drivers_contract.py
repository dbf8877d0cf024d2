import ast
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import drivers
from drivers.clock import SystemClock, standalone_context, wait_until
from drivers.contract import FAULT_CODES, Dimmable, Driver, DriverFault, Measuring, Microphone, Speaker, Switchable
from drivers.registry import load, names

SOURCES = sorted(Path(drivers.__file__).parent.rglob("*.py"))
LINES = {
    "simulated-relay": {"lines": {"lamp": {}}},
    "rpi-gpio-relay": {"lines": {"lamp": {"pin": 17}}},
    "rpi-gpio": {
        "lines": {"lamp": {"pin": 17}, "row": {"pin": 18, "pwm": "software"}},
        "inputs": {"door": {"pin": 22}, "water": {"pin": 23, "counts_per_unit": 450}},
    },
    "simulated-microphone": {"hears": "horn"},
    "simulated-cabinet": {"lines": {"lamp": {}, "row": {"dimmable": True}, "pump": {"litres_per_minute": 20}}},
    "mqtt-devices": {
        "lines": {"plug": {"shape": "tasmota", "device": "a"}},
        "sensors": {"air": {"shape": "zigbee2mqtt", "device": "b", "value": "humidity", "unit": "%"}},
    },
    "kernel-sensor": {"lines": {"pond": {"w1": "28-0316a2795d0f"}}},
    "modbus": {"host": "127.0.0.1", "devices": {"board": {"unit": 1, "map": "waveshare-relay-8"}}},
}
KINDS = {
    "speaker": Speaker,
    "microphone": Microphone,
    "relay": Switchable,
    "dimmer": Dimmable,
    "contact": Measuring,
    "sensor": Measuring,
}
WRITABLE = {"speaker", "relay", "dimmer"}
_LINE = ["contact"] * 3 + ["sensor"] * 3
OFFERS = {
    "rpi-gpio": ["relay", "dimmer", "contact", "sensor", "sensor"],
    "modbus": ["relay"] * 8,
    "simulated-cabinet": ["relay", "dimmer", "relay", *_LINE * 3, "sensor", "sensor"]
    + ["contact"] * 5
    + ["sensor"] * 4
    + ["contact"]
    + ["sensor"] * 4,
    "mqtt-devices": ["relay", "sensor"],
}
"""What a driver offers as it is configured above, where that is not one thing of the kind in its name."""


def make(name, context):
    cls = load(name)
    return cls(cls.Config.model_validate(LINES.get(name, {})), context)


@pytest.mark.parametrize("name", names())
def test_every_driver_keeps_the_contract(name, real):
    driver = make(name, real)
    assert isinstance(driver, Driver)
    capabilities = driver.capabilities()
    assert len({c.id for c in capabilities}) == len(capabilities)
    assert [c.kind for c in capabilities] == OFFERS.get(name, [name.rpartition("-")[2]])
    for capability in capabilities:
        assert isinstance(driver, KINDS[capability.kind])
        assert capability.writable == (capability.kind in WRITABLE)


@pytest.mark.parametrize("name", names())
def test_every_config_field_is_explained_and_no_other_key_is_taken(name):
    schema = load(name).Config.model_json_schema()
    for model in [schema, *schema.get("$defs", {}).values()]:
        assert model["additionalProperties"] is False
        for field, entry in model["properties"].items():
            assert entry.get("title"), field
            assert entry.get("description"), field


def test_every_code_in_the_source_is_documented():
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                value = node.value
                family = value.split(".")[0]
                if family in ("driver", "speaker", "microphone") and value.count(".") == 1 and " " not in value:
                    found.add(value)
    assert found == set(FAULT_CODES)


def test_importing_all_drivers_pulls_in_nothing_heavy():
    code = (
        "import sys, json\nfrom drivers.registry import load, names\n[load(n) for n in names()]\n"
        "import drivers.audio.playout\nprint(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30).stdout
    loaded = set(json.loads(output))
    assert "drivers" in loaded
    assert not loaded & {"numpy", "pyaudio", "RPi", "lgpio", "edge_agent", "hub", "tts", "camera"}


def test_the_playing_process_starts_without_pydantic():
    code = "import sys, drivers.audio.playout; print('pydantic' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30).stdout
    assert output.strip() == "False"


def test_a_fault_carries_its_code_and_whether_to_retry():
    fault = DriverFault("speaker.busy", "it plays", retry=True)
    assert (fault.code, fault.detail, fault.retry, str(fault)) == (
        "speaker.busy",
        "it plays",
        True,
        "speaker.busy: it plays",
    )
    assert not DriverFault("driver.io", "x").retry


async def test_the_standalone_clock_is_real_time(tmp_path):
    context = standalone_context("x", tmp_path)
    assert context.directory == tmp_path
    assert context.clock.trusted
    assert abs(context.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    before = context.clock.monotonic()
    await SystemClock().sleep(0.01)
    assert context.clock.monotonic() > before


async def test_waiting_follows_a_clock_that_is_set_meanwhile(jump):
    clock = jump.clock
    target = clock.now() + timedelta(minutes=5)
    sleeps = []
    plain = clock.sleep

    async def sleep(seconds):
        sleeps.append(seconds)
        if len(sleeps) == 3:
            clock.start -= timedelta(minutes=1)  # the clock is set back while we wait
        await plain(seconds)

    clock.sleep = sleep
    await wait_until(clock, target, early=2)
    assert clock.now() == target - timedelta(seconds=2)
    assert sum(sleeps) == pytest.approx(358)
    assert max(sleeps) <= 10
