"""What a map and a bus may say, and what becomes of numbers."""

import math
import re
import struct
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.contract import DriverFault
from drivers.modbus import blocks, decode, mapfile
from drivers.modbus.config import ModbusConfig
from drivers.modbus.ear import Ask, Ear, crc
from drivers.modbus.points import Place, Point

TYPES = ["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "bcd16", "bcd32"]
ORDERS = st.sampled_from(["big", "little"])
WORD = st.integers(0, 0xFFFF)


def point(**keys):
    return Point.model_validate({"register": "holding", "address": 0, **keys})


def refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"mine\.yaml") as caught:
        mapfile.load(str(path))
    return str(caught.value)


@pytest.mark.parametrize("name", mapfile.shipped())
def test_shipped_maps_are_sound_and_name_their_source(name):
    device = mapfile.load(name)
    assert device.source
    assert device.url.startswith("https://")
    assert all(entry.name for entry in device.points.values())


@pytest.mark.parametrize("name", ["eastron-sdm120", "eastron-sdm630"])
def test_no_meter_of_a_shipped_map_may_say_what_cannot_be(name):
    for entry in mapfile.load(name).points.values():
        with pytest.raises(DriverFault, match=r"bad_value"):
            decode.value(entry, struct.unpack(">HH", struct.pack(">f", 1e30)))


def test_the_shipped_maps_ask_for_the_registers_of_the_manuals():
    meter = mapfile.load("eastron-sdm630").points
    assert {name: meter[name].address for name in ("voltage_l1", "power", "frequency", "energy", "energy_total")} == {
        "voltage_l1": 30001 - 30001,
        "power": 30053 - 30001,
        "frequency": 30071 - 30001,
        "energy": 30073 - 30001,
        "energy_total": 30343 - 30001,
    }
    single = mapfile.load("eastron-sdm120").points
    assert [single[name].address for name in ("voltage", "current", "power", "energy")] == [0x00, 0x06, 0x0C, 0x48]
    assert {entry.type for entry in [*meter.values(), *single.values()]} == {"f32"}
    relays = mapfile.load("waveshare-relay-8").points
    assert [(relays[str(n)].register_, relays[str(n)].address) for n in range(1, 9)] == [("coil", n) for n in range(8)]
    climate = mapfile.load("xy-md02").points
    # the frames that the manual prints: 01 04 00 01 00 01 is answered by 0x0131 for 30.5, 0xFF33 is -20.5
    assert decode.value(climate["temperature"], [0x0131]) == 30.5
    assert decode.value(climate["temperature"], [0xFF33]) == -20.5
    assert decode.value(climate["humidity"], [0x0222]) == 54.6


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        ({"type": "u16"}, [0xFFFE], 65534),
        ({"type": "s16"}, [0xFFFE], -2),
        ({"type": "u32"}, [0x1234, 0x5678], 0x12345678),
        ({"type": "u32", "words": "little"}, [0x5678, 0x1234], 0x12345678),
        ({"type": "u32", "bytes": "little"}, [0x3412, 0x7856], 0x12345678),
        ({"type": "u32", "words": "little", "bytes": "little"}, [0x7856, 0x3412], 0x12345678),
        ({"type": "s32"}, [0xFFFF, 0xFFFF], -1),
        ({"type": "u64"}, [0, 0, 1, 0], 65536),
        ({"type": "f32"}, [0x4366, 0x199A], 230.1),
        ({"type": "f32", "words": "little"}, [0x199A, 0x4366], 230.1),
        ({"type": "f64"}, [0x3FF8, 0, 0, 0], 1.5),
        ({"type": "bcd16"}, [0x1234], 1234),
        ({"type": "bcd32"}, [0x0012, 0x3456], 123456),
        ({"bit": 3}, [0b1000], 1),
        ({"type": "u16", "scale": 0.1, "offset": -40}, [691], 29.1),
    ],
)
def test_registers_become_values(kind, words, expected):
    assert decode.value(point(**kind), words) == expected


@given(st.sampled_from(TYPES), ORDERS, ORDERS, st.lists(WORD, min_size=4, max_size=4), st.floats(-1e3, 1e3))
def test_whatever_a_device_says_is_a_number_or_a_fault(kind, words_order, bytes_order, words, scale):
    entry = point(type=kind, words=words_order, bytes=bytes_order, scale=scale or 1, minimum=-1e9, maximum=1e9)
    try:
        value = decode.value(entry, words[: entry.count])
    except DriverFault as fault:
        assert fault.code == "driver.bad_value"
    else:
        assert math.isfinite(value)
        assert -1e9 <= value <= 1e9


@given(st.sampled_from([kind for kind in TYPES if kind[0] != "f"]), ORDERS, ORDERS, st.data())
def test_what_is_written_is_what_is_read(kind, words_order, bytes_order, data):
    place = Place.model_validate(
        {"register": "holding", "address": 0, "type": kind, "words": words_order, "bytes": bytes_order}
    )
    number = data.draw(st.integers(*place.limits))
    assert decode.raw(place, decode.words_of(place, number)) == number
    with pytest.raises(ValueError, match="does not fit"):
        decode.words_of(place, place.limits[1] + 1)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_keep_their_value(number):
    words = list(struct.unpack(">HH", struct.pack(">f", number)))
    (said,) = struct.unpack(">f", struct.pack(">f", decode.value(point(type="f32"), words)))
    assert said == number


@given(st.integers(0, 65535), st.integers(0, 65535), st.floats(0, 100))
def test_levels_go_there_and_back(low, high, percent):
    if abs(high - low) < 2:
        return
    entry = point(type="u16", writable=True, level=[low, high])
    raw = decode.level_raw(entry, percent)
    assert min(low, high) <= raw <= max(low, high)
    assert (raw == low) == (percent == 0)
    assert decode.level(entry, raw) == pytest.approx(percent, abs=100 / abs(high - low))


@given(st.binary(max_size=300), st.booleans(), st.sampled_from([1, 2, 3, 4, 5, 6, 15, 16]), st.integers(1, 20))
def test_noise_is_never_an_answer(noise, rtu, function, count):
    ear = Ear(rtu=rtu)
    ask = Ask(17, function, 5, count, (1,) * count if function > 4 else ())
    ear.expect(ask)
    asked = bytes([17, function, 0, 5, 0, count])
    ear.sent(asked + crc(asked).to_bytes(2, "big") if rtu else b"\x12\x34\0\0\0\x06" + asked)
    frame = ear.heard(noise)
    if (
        frame
    ):  # noise that is a whole frame: hypothesis would have to guess the check sum, or the number of the question
        assert frame in noise
        assert frame[0 if rtu else 6] == 17
        assert not rtu or crc(frame[:-2]) == int.from_bytes(frame[-2:], "big")
    code, said = ear.verdict()
    assert code in ("driver.silent", "driver.io", "driver.wrong_device")
    assert said


@given(st.lists(WORD, min_size=1, max_size=20), st.binary(max_size=20), st.binary(max_size=5))
def test_an_answer_is_heard_between_noise(words, before, after):
    body = bytes([17, 3, 2 * len(words)]) + b"".join(word.to_bytes(2, "big") for word in words)
    answer = body + crc(body).to_bytes(2, "big")
    asked = bytes([17, 3, 0, 5, 0, len(words)])
    ear = Ear(rtu=True)
    ear.expect(Ask(17, 3, 5, len(words)))
    ear.sent(asked + crc(asked).to_bytes(2, "big"))
    assert ear.heard(before + answer[:-1]) == b""
    assert ear.heard(before + answer + after) == answer
    assert not ear.twice
    ear.heard(answer)
    assert ear.twice


def test_the_check_sum_is_that_of_the_standard():
    assert crc(bytes.fromhex("01050000FF00")) == 0x8C3A  # a frame that Waveshare's wiki prints
    assert crc(bytes.fromhex("010100000008")) == 0x3DCC


def test_all_mistakes_of_a_map_are_told_at_once_with_their_place(tmp_path):
    said = refused(
        tmp_path,
        """
name: mine
source: my head
points:
  a: {register: input, adress: 3, type: u16}
  b: {register: coil, address: 70000}
  c: {register: input, address: 3}
  d: {register: discrete, address: 1, writable: true}
  e: {register: holding, address: 65535, type: f32}
  f: {register: holding, address: 1, type: s16, writable: true}
  g: {register: input, address: 9, type: u16, minimum: 5, maximum: 5}
  h: {register: input, address: 9, type: u16, scale: .nan}
  i: {register: holding, address: 5, type: u16, writable: true, on: 3, off: 3}
  J: {register: input, address: 5, type: u16}
""",
    )
    for part in (
        "points.a.adress: there is no such key; did you mean 'address'?",
        "points.a.address: Field required",
        "points.b.address",
        "points.c: type is missing",
        "points.d: a discrete register cannot be written",
        "points.e: f32 at 65535 reaches beyond the last register",
        "points.f: a relay in a holding register is u16",
        "points.g: maximum must be more",
        "points.h.scale",
        "points.i: on and off must differ",
        "points.J",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "valid dictionary"),
        ("name: [", "is not YAML"),
        ("name: a\nname: b", "'name' is given twice"),
        ("- a", "valid dictionary"),
        ("name: x\nsource: y\npoints: {}", "at least 1 item"),
        (
            "name: x\nsource: y\npoints: {a: {register: input, address: 1, type: f32}, "
            "b: {register: input, address: 2, type: u16}}",
            "a and b are both on input 2",
        ),
        (
            "name: x\nsource: y\npoints: {a: {register: coil, address: 1, writable: true}, "
            "b: {register: coil, address: 1, writable: true}}",
            "a and b are both on coil 1",
        ),
        (
            "name: x\nsource: y\nmost: 1\npoints: {a: {register: input, address: 1, type: f32}}",
            "1 registers are too few",
        ),
    ],
)
def test_maps_that_make_no_sense_are_refused(tmp_path, text, said):
    assert said in refused(tmp_path, text)


def test_bits_of_one_register_may_be_read_apart(tmp_path):
    path = tmp_path / "bits.yaml"
    path.write_text(
        "name: x\nsource: y\npoints:\n"
        "  a: {register: input, address: 1, bit: 0}\n  b: {register: input, address: 1, bit: 1}\n"
    )
    assert len(set(blocks.blocks(mapfile.load(str(path))).values())) == 1


def test_a_map_that_is_changed_is_read_again(tmp_path):
    path = tmp_path / "mine.yaml"
    for address in (3, 40):
        path.write_text(f"name: x\nsource: y\npoints: {{a: {{register: coil, address: {address}}}}}")
        assert mapfile.load(str(path)).points["a"].address == address
        assert mapfile.load(str(path)) is mapfile.load(str(path))


def test_a_map_that_is_not_there_is_guessed_or_told():
    with pytest.raises(ValueError, match="did you mean 'eastron-sdm630'"):
        mapfile.load("eastron-sdm360")
    with pytest.raises(ValueError, match="No such file"):
        mapfile.load("/nowhere/x.yaml")


@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["u16", "u32", "f64"])), min_size=1, max_size=40), st.data()
)
def test_blocks_hold_all_points_and_are_no_longer_than_allowed(places, data):
    most, bridge = data.draw(st.integers(4, 125)), data.draw(st.integers(0, 20))
    points, taken = {}, set()
    for place, (address, kind) in enumerate(places):
        entry = Point.model_validate({"register": "input", "address": address, "type": kind})
        if not taken & set(range(entry.address, entry.end)):
            taken |= set(range(entry.address, entry.end))
            points[f"p{place}"] = entry
    device = mapfile.DeviceMap(name="x", source="y", most=most, bridge=bridge, points=points)
    found = blocks.blocks(device)
    assert found.keys() == points.keys()
    for name, block in found.items():
        assert block.count <= most
        words = list(range(block.address, block.address + block.count))
        assert block.words(points[name], words) == list(range(points[name].address, points[name].end))
    for block in set(found.values()):
        unused = set(range(block.address, block.address + block.count)) - taken
        assert not unused or bridge


BOARD = {"unit": 1, "map": "waveshare-relay-8"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"devices": {"a": BOARD}}, "give either port"),
        ({"port": "/dev/x", "host": "y", "devices": {"a": BOARD}}, "give either port"),
        ({"host": "y", "devices": {}}, "at least 1 item"),
        ({"host": "y", "devices": {"a": {**BOARD, "unit": 0}}}, "greater than or equal to 1"),
        ({"host": "y", "devices": {"a": {**BOARD, "unit": 248}}}, "less than or equal to 247"),
        ({"host": "y", "devices": {"a": BOARD, "b": BOARD}}, "both have the unit 1"),
        ({"host": "y", "devices": {"a_b": BOARD}}, "pattern"),
        ({"host": "y", "devices": {"a": {**BOARD, "map": "waveshare"}}}, "did you mean 'waveshare-relay-8'"),
        ({"port": "/dev/x", "baudrate": 9601, "devices": {"a": BOARD}}, "9600"),
    ],
)
def test_a_bus_that_makes_no_sense_is_refused(config, said):
    with pytest.raises(ValidationError) as caught:
        ModbusConfig.model_validate(config)
    assert said in str(caught.value)


def test_lines_are_known_before_anything_is_open():
    config = ModbusConfig.model_validate({"host": "y", "devices": {"a": BOARD}})
    assert config.line_names() == [f"a_{n}" for n in range(1, 9)]


def test_the_examples_of_the_guide_are_taken(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "modbus.md").read_text()
    node, device = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    entry = yaml.safe_load(node)["drivers"][0]
    config = ModbusConfig.model_validate({key: value for key, value in entry.items() if key not in ("id", "driver")})
    assert {"ro-le_1", "dong-ho_power"} <= set(config.line_names())
    path = tmp_path / "bom.yaml"
    path.write_text(device)
    assert set(mapfile.load(str(path)).points) == {"bom", "van", "den", "cua", "muc", "nuoc", "loi"}
    assert all(f"`{name}`" in text for name in mapfile.shipped())
