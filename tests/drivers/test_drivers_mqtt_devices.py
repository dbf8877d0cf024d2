"""The driver of MQTT devices against a real broker and stand-ins that speak the devices' own shapes."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from drivers_mqtt_stand_ins import Tasmota, Voice, Zigbee
from drivers_stand_ins import until

from bench.rig import broker, free_port, process, wait_for_port
from drivers.contract import Dimmable, DriverFault, Measuring, Switchable, Watching
from drivers.mqttdevice.driver import MqttDevices

ZIGBEE = {"shape": "zigbee2mqtt", "device": "Đèn sân"}
PLUG = {"shape": "tasmota", "device": "tasmota_A1"}
LINES = {
    "san": {**ZIGBEE, "dimmable": True},
    "cam": PLUG,
}
SENSORS = {
    "song": {**ZIGBEE, "value": "linkquality"},
    "am": {"shape": "zigbee2mqtt", "device": "kho/ẩm kế", "value": "humidity", "unit": "%"},
    "cua": {"shape": "zigbee2mqtt", "device": "kho/cửa", "value": "contact"},
    "cong-suat": {**PLUG, "value": "ENERGY.Power", "unit": "W"},
    "dong-2": {**PLUG, "value": "ENERGY.Current.1", "unit": "A"},
    "nhiet": {**PLUG, "value": "AM2301.Temperature", "unit": "Cel"},
    "am-2": {**PLUG, "value": "AM2301.Humidity", "unit": "%"},
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with broker(tmp_path_factory.mktemp("broker")) as port:
        yield port


@pytest.fixture(autouse=True)
def clean(port):
    """No retained word of the test before."""
    yield
    voice = Voice(port, ["#"])
    voice.say("end", "x")
    for topic in {topic for topic, _ in voice.heard}:
        voice.say(topic, "", retain=True)
    voice.close()


@pytest.fixture
def lamp(port):
    device = Zigbee(port)
    yield device
    device.close()


@pytest.fixture
def plug(port):
    device = Tasmota(port)
    yield device
    device.close()


def devices(context, port, **more):
    config = {"url": f"mqtt://127.0.0.1:{port}", "lines": LINES, "sensors": SENSORS, "answer_s": 2, **more}
    return MqttDevices(MqttDevices.Config.model_validate(config), context)


async def fault_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value


async def code_of(awaitable):
    return (await fault_of(awaitable)).code


async def say(voice, *arguments, **more):
    await asyncio.to_thread(voice.say, *arguments, **more)


async def test_offers_what_is_configured(real, port):
    driver = devices(real, port)
    assert all(isinstance(driver, kind) for kind in (Switchable, Dimmable, Measuring, Watching))
    offered = {c.id: (c.kind, c.unit, c.writable) for c in driver.capabilities()}
    assert offered["san"] == ("dimmer", "%", True)
    assert offered["cam"] == ("relay", None, True)
    assert offered["nhiet"] == ("sensor", "Cel", False)


async def test_a_switch_returns_when_the_device_has_done_it(real, port, lamp, plug):
    async with devices(real, port, answer_s=10) as driver:
        await driver.switch("san", True)
        assert (lamp.state["state"], lamp.state["brightness"]) == ("ON", 254)
        await driver.switch("cam", True)
        assert plug.power["POWER"] == "ON"
        assert (await driver.read("san"), await driver.read("cam")) == (True, True)
        await driver.dim("san", 50)
        assert lamp.state["brightness"] == 127
        assert await driver.level("san") == 50
        await driver.dim("san", 0)
        assert (await driver.level("san"), await driver.read("san"), lamp.state["state"]) == (0, False, "OFF")
        await driver.dim("san", 0.1)
        assert (lamp.state["brightness"], await driver.read("san")) == (1, True)
        await driver.switch("cam", False)
        assert (plug.power["POWER"], await driver.level("cam")) == ("OFF", 0)
    assert ("zigbee2mqtt/Đèn sân/set", '{"state": "ON", "brightness": 254}') in lamp.heard
    assert ("cmnd/tasmota_A1/POWER", "ON") in plug.heard


async def test_refuses_what_cannot_be(real, port):
    driver = devices(real, port)
    assert await code_of(driver.switch("san", True)) == "driver.closed"
    async with driver:
        assert await code_of(driver.switch("nobody", True)) == "driver.unknown_line"
        assert await code_of(driver.measure("nothing")) == "driver.unknown_line"
        assert await code_of(driver.dim("cam", 40)) == "driver.not_dimmable"
        with pytest.raises(ValueError, match="level"):
            await driver.dim("san", 101)
    assert await code_of(driver.measure("nhiet")) == "driver.closed"


async def test_a_device_that_does_not_answer_is_silent_and_one_that_does_not_follow_is_stuck(real, port, lamp):
    async with devices(real, port) as driver:
        lamp.mood = "deaf"
        assert await code_of(driver.switch("san", True)) == "driver.silent"
        assert await code_of(driver.read("san")) == "driver.silent"
        lamp.mood = "stubborn"
        assert await code_of(driver.switch("san", True)) == "driver.stuck"
        assert await driver.read("san") is False
        lamp.mood = "obeys"
        await driver.switch("san", True)
        assert await driver.read("san") is True


@pytest.mark.parametrize("plain", [True, False])
async def test_an_offline_lamp_is_not_switched_and_it_is_said_since_when(real, port, lamp, plain):
    lamp.available("offline", plain=plain)
    async with devices(real, port, answer_s=30) as driver:
        await until(lambda: driver._house.device(driver._config.lines["san"]).online is False)
        fault = await fault_of(driver.switch("san", True))
        assert fault.code == "driver.silent"
        assert f"offline since {datetime.now(UTC):%Y-%m-%d}" in fault.detail
        assert await code_of(driver.measure("song")) == "driver.silent"
        assert not [topic for topic, _ in lamp.heard if topic.endswith("/set")]
        await asyncio.to_thread(lamp.available, "online", plain=plain)
        await until(lambda: driver._house.device(driver._config.lines["san"]).online)
        await driver.switch("san", True)


async def test_a_device_that_goes_away_while_it_is_switched_ends_the_wait(real, port, plug):
    plug.mood = "deaf"
    async with devices(real, port, answer_s=30) as driver:
        task = asyncio.create_task(driver.switch("cam", True))
        await until(lambda: plug.heard and plug.heard[-1][0].endswith("POWER"))
        await asyncio.to_thread(plug.available, "Offline")
        async with asyncio.timeout(10):
            assert await code_of(task) == "driver.silent"


async def test_a_bridge_that_is_down_takes_its_devices_with_it_and_no_others(real, port, lamp, plug):
    async with devices(real, port, answer_s=10) as driver:
        await say(lamp, "zigbee2mqtt/bridge/state", {"state": "offline"}, retain=True)
        await until(lambda: driver._house._bridge.online is False)
        fault = await fault_of(driver.switch("san", True))
        assert (fault.code, "Zigbee2MQTT is offline" in fault.detail) == ("driver.silent", True)
        await driver.switch("cam", True)
        await say(lamp, "zigbee2mqtt/bridge/state", "online", retain=True)
        await until(lambda: driver._house._bridge.online)
        await driver.switch("san", True)


async def test_what_the_broker_kept_is_not_believed_and_the_lamp_is_asked(real, port, lamp):
    lamp.say("zigbee2mqtt/Đèn sân", {"state": "ON", "brightness": 254}, retain=True)
    async with devices(real, port, answer_s=5) as driver:
        assert await driver.read("san") is False
        assert ("zigbee2mqtt/Đèn sân/get", '{"state": "", "brightness": ""}') in lamp.heard
        lamp.mood = "deaf"
    async with devices(real, port) as driver:
        fault = await fault_of(driver.read("san"))
        assert (fault.code, "old words" in fault.detail) == ("driver.silent", True)


async def test_a_kept_measurement_counts_with_the_devices_own_time_of_it_only(real, port, lamp):
    seen = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    ahead = (seen + timedelta(days=1)).isoformat()
    for told in (None, "yesterday", "2026-11-22T10:00:00", seen.timestamp() * 1e6, True, ahead):
        lamp.say("zigbee2mqtt/kho/ẩm kế", {"humidity": 61, "last_seen": told}, retain=True)
        async with devices(real, port) as driver:
            await until(lambda driver=driver: driver._house.taken)
            assert await code_of(driver.measure("am")) == "driver.silent", told
    for told in (seen.isoformat(), int(seen.timestamp() * 1000)):
        lamp.say("zigbee2mqtt/kho/ẩm kế", {"humidity": 61, "last_seen": told}, retain=True)
        async with devices(real, port) as driver:
            await until(lambda driver=driver: driver._house.taken)
            word = await driver.measure("am")
            assert (word.value, word.at) == (61, seen)


async def test_measures_what_stands_at_a_path_and_asks_tasmota_when_it_connects(real, port, plug):
    told = {}
    driver = devices(real, port)
    driver.watch(lambda channel, word: told.update({channel: word.value}))  # the plug answers while it is opened
    async with driver:
        await until(lambda: "nhiet" in told)
        assert told == {"cong-suat": 41, "dong-2": 0.2, "nhiet": 28.4}
        word = await driver.measure("cong-suat")
        assert (word.value, abs(word.at - datetime.now(UTC)) < timedelta(seconds=60)) == (41, True)
        assert await code_of(driver.measure("am-2")) == "driver.bad_value"
        assert await code_of(driver.measure("cua")) == "driver.silent"
        await say(plug, "tele/tasmota_A1/SENSOR", {"ENERGY": {"Power": 42.5, "Current": []}})
        await until(lambda: told["cong-suat"] == 42.5)
        assert await code_of(driver.measure("dong-2")) == "driver.bad_value"
        assert (await driver.measure("nhiet")).value == 28.4
        await say(plug, "zigbee2mqtt/kho/cửa", {"contact": False})
        await until(lambda: told.get("cua") == 0)


HOSTILE = [
    b"",
    b"\xff\xfe\x00",
    b"nothing of the kind",
    b"[1, 2]",
    b"12",
    b"null",
    b'{"humidity": ' + b"[" * 30_000,
    b"[" * 60_000,
    b'{"humidity": 5' + b" " * 70_000 + b"}",
    b'{"humidity": ' + b"9" * 5000 + b"}",
]
NO_VALUE = ["NaN", "Infinity", "-Infinity", "1e999", '"61"', '"wet"', "[61]", '{"value": 61}', "9" * 400]


async def test_what_is_no_word_of_a_device_changes_nothing(real, port, lamp, caplog):
    async with devices(real, port) as driver:
        await say(lamp, "zigbee2mqtt/kho/ẩm kế", {"humidity": 61})
        for body in HOSTILE:
            await say(lamp, "zigbee2mqtt/kho/ẩm kế", body)
        await say(lamp, "zigbee2mqtt/kho/ẩm kế/availability", "asleep", retain=True)
        await until(lambda: driver._house.taken >= len(HOSTILE) + 2)
        assert (await driver.measure("am")).value == 61
        assert len([line for line in caplog.messages if "not taken" in line]) == 2
        assert (await driver.check()).ok


async def test_a_value_that_cannot_be_is_named_until_a_good_one_comes(real, port, lamp):
    told = []
    async with devices(real, port) as driver:
        driver.watch(lambda _channel, word: told.append(word.value))
        for body in NO_VALUE:
            before = driver._house.taken
            await say(lamp, "zigbee2mqtt/kho/ẩm kế", f'{{"humidity": {body}}}')
            await until(lambda before=before: driver._house.taken > before)
            fault = await fault_of(driver.measure("am"))
            assert (fault.code, len(fault.detail) < 120) == ("driver.bad_value", True), body
        await say(lamp, "zigbee2mqtt/kho/ẩm kế", '{"humidity": 60.5}')
        await until(lambda: told == [60.5])
        assert (await driver.measure("am")).value == 60.5


async def test_a_state_that_is_neither_on_nor_off_confirms_nothing(real, port, lamp):
    async with devices(real, port) as driver:
        lamp.mood = "deaf"
        task = asyncio.create_task(driver.switch("san", True))
        await until(lambda: lamp.heard)
        for state in (5, None, ["ON"], "ONLY", {"ON": 1}):
            await say(lamp, "zigbee2mqtt/Đèn sân", {"state": state, "brightness": 254})
        assert await code_of(task) == "driver.stuck"
        assert await code_of(driver.read("san")) == "driver.bad_value"


async def test_one_line_a_relay_of_several(real, port):
    strip = Tasmota(port, "strip", relays=3)
    lamp = Zigbee(port, "double", {"state_left": "OFF", "state_right": "OFF"})
    lines = {
        "o-2": {"shape": "tasmota", "device": "strip", "endpoint": "2"},
        "trai": {"shape": "zigbee2mqtt", "device": "double", "endpoint": "left"},
    }
    try:
        async with devices(real, port, lines=lines, sensors={}, answer_s=10) as driver:
            await driver.switch("o-2", True)
            await driver.switch("trai", True)
            assert strip.power == {"POWER1": "OFF", "POWER2": "ON", "POWER3": "OFF"}
            assert lamp.state == {"state_left": "ON", "state_right": "OFF"}
            assert await driver.read("trai") is True
    finally:
        strip.close()
        lamp.close()


async def test_a_tasmota_dimmer(real, port, plug):
    async with devices(real, port, lines={"den": {**PLUG, "dimmable": True}}, sensors={}, answer_s=10) as driver:
        await driver.dim("den", 33.4)
        assert (plug.dimmer, await driver.level("den")) == (33, 33)
        await driver.switch("den", True)
        assert plug.dimmer == 100
        await driver.switch("den", False)
        assert (plug.power["POWER"], await driver.level("den")) == ("OFF", 0)


@pytest.mark.parametrize(
    "as_set",
    [{"so4": True}, {"so26": True}, {"so4": True, "so26": True}, {"full": "xa/%topic%/%prefix%/"}],
    ids=["answers-by-command", "index-on-one-relay", "both", "full-topic"],
)
async def test_a_tasmota_that_is_set_to_speak_otherwise(real, port, as_set):
    plug = Tasmota(port, **as_set)
    config = {"lines": {"den": {**PLUG, "dimmable": True}}, "full_topic": as_set.get("full", "%prefix%/%topic%/")}
    config["sensors"] = {"cong-suat": SENSORS["cong-suat"]}
    try:
        async with devices(real, port, answer_s=10, **config) as driver:
            assert await driver.read("den") is False
            await driver.dim("den", 40)
            assert (plug.dimmer, await driver.level("den")) == (40, 40)
            await driver.switch("den", False)
            assert await driver.read("den") is False
            await until(lambda: driver._house.device(driver._config.sensors["cong-suat"]).word(["ENERGY"]))
            assert (await driver.measure("cong-suat")).value == 41
            plug.available("Offline")
            await until(lambda: driver._house.device(driver._config.lines["den"]).online is False)
            assert await code_of(driver.switch("den", True)) == "driver.silent"
    finally:
        plug.close()


@pytest.mark.parametrize("plain_only", [False, True])
async def test_a_button_on_the_device_is_seen_without_asking(real, port, lamp, plug, plain_only):
    sensors = {
        "nut-den": {**ZIGBEE, "value": "state"},
        "nut-cam": {**PLUG, "value": "POWER"},
    }
    told = []
    async with devices(real, port, answer_s=10, sensors=sensors) as driver:
        driver.watch(lambda channel, said: told.append((channel, said.value)))
        await driver.switch("san", True)
        await driver.switch("cam", True)
        lamp.heard.clear()
        plug.heard.clear()
        told.clear()
        await say(lamp, "zigbee2mqtt/Đèn sân", {**lamp.state, "state": "OFF"})
        await asyncio.to_thread(plug.press, "POWER", "OFF", plain_only)
        await until(lambda: {("nut-den", 0.0), ("nut-cam", 0.0)} <= set(told))
        assert (await driver.read("san"), await driver.read("cam")) == (False, False)
        assert [topic for topic, _ in (*lamp.heard, *plug.heard) if topic.endswith(("/get", "/STATE"))] == []


async def test_a_broker_that_goes_and_comes_back(real, tmp_path):
    port = free_port()
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    start = lambda: process("/usr/sbin/mosquitto", "-c", str(conf), log=tmp_path / "log")  # noqa: E731
    driver = devices(real, port)
    check = await driver.check()
    assert (check.ok, check.code) == (False, "driver.io")
    assert await code_of(driver.__aenter__()) == "driver.io"
    with start():
        wait_for_port(port)
        assert (await driver.check()).ok
        await driver.__aenter__()
        plug = Tasmota(port)
        await asyncio.to_thread(plug.say, "tele/tasmota_A1/SENSOR", plug.sensors)
        await until(lambda: driver._house.taken)
        assert (await driver.measure("nhiet")).value == 28.4
        plug.close()
    await until(lambda: driver._down)
    assert await code_of(driver.switch("cam", True)) == "driver.io"
    assert await code_of(driver.measure("nhiet")) == "driver.io"
    assert not (await driver.check()).ok
    with start():
        wait_for_port(port)
        plug = Tasmota(port)
        await until(lambda: driver._down is None, 40)
        await driver.switch("cam", True)
        heard = [entry for entry in plug.heard if entry[0].endswith("POWER")]
        assert heard == [("cmnd/tasmota_A1/POWER", "ON")]  # the order of the time without a broker never comes
        plug.close()
    await driver.__aexit__(None, None, None)


async def test_an_account_with_its_password_in_a_file_and_one_that_is_refused(real, tmp_path):
    port, secret = free_port(), tmp_path / "secret"
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "devices", "s3cret"], check=True, capture_output=True)
    passwords.chmod(0o644)
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\nuser root\npassword_file {passwords}\n")
    secret.write_text("s3cret\n")
    account = {"username": "devices", "password": {"file": str(secret)}}
    with process("/usr/sbin/mosquitto", "-c", str(conf), log=tmp_path / "log"):
        wait_for_port(port)
        async with devices(real, port, **account) as driver:
            assert (await driver.check()).ok
        secret.write_text("other\n")
        fault = await fault_of(devices(real, port, **account).__aenter__())
        assert (fault.code, "other" in fault.detail) == ("driver.no_permission", False)
        secret.write_text("")
        assert await code_of(devices(real, port, **account).__aenter__()) == "driver.io"
        secret.unlink()
        assert await code_of(devices(real, port, **account).__aenter__()) == "driver.io"


async def test_a_flood_of_messages_leaves_the_driver_alive(real, port, lamp):
    async with devices(real, port, answer_s=20) as driver:
        body = json.dumps({"humidity": 50, **{f"junk-{n}": n for n in range(500)}})
        for _ in range(3000):
            lamp._client.publish("zigbee2mqtt/kho/ẩm kế", body, qos=0)
        await say(lamp, "zigbee2mqtt/kho/cửa", {"contact": True})
        await driver.switch("san", True)
        device = driver._house.device(driver._config.sensors["am"])
        await until(lambda: device.word(["humidity"]))
        assert set(device._words) == {"humidity"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://127.0.0.1"},
        {"url": "mqtt://user:word@127.0.0.1"},
        {"url": "mqtt://127.0.0.1:99999"},
        {"password": "s3cret"},
        {"password": {"file": "relative"}},
        {"password": {"file": "/a", "env": "B"}},
        {"lines": {"a": {**PLUG, "endpoint": "33"}}},
        {"lines": {"a": {**PLUG, "endpoint": "2", "dimmable": True}}},
        {"lines": {"a": {"shape": "zigbee2mqtt", "device": "all/#"}}},
        {"lines": {"a": PLUG, "b": {**PLUG, "endpoint": "1"}}},
        {"lines": {"a": {"shape": "zwave", "device": "x"}}},
        {"lines": {"a": PLUG}, "sensors": {"a": {**PLUG, "value": "x"}}},
        {"sensors": {"a": {**PLUG, "value": "ENERGY..Power"}}},
        {"lines": {"a": {"shape": "zigbee2mqtt", "device": "kho/1"}}},
        {"sensors": {"a": {"shape": "zigbee2mqtt", "device": "kho/", "value": "x"}}},
        {"full_topic": "%prefix%/tasmota/"},
        {"full_topic": "%prefix%/%topic%/%hostname%/"},
        {"full_topic": "%prefix%/%topic%/#"},
    ],
)
def test_config_is_strict(wrong):
    with pytest.raises(ValueError, match="validation error"):
        MqttDevices.Config.model_validate(wrong)
