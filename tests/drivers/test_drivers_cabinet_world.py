"""The physics of the simulated cabinet, second by second, without a driver around it."""

from datetime import UTC, datetime, timedelta

import pytest

from drivers.simulated import air
from drivers.simulated.config import SimulatedCabinetConfig
from drivers.simulated.faults import parse
from drivers.simulated.memory import Memory
from drivers.simulated.world import World

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # 12:00 in Ha Noi
LINES = {
    "den": {"watts": 450},
    "den-mo": {"watts": 200, "dimmable": True},
    "bom": {"kind": "pump", "watts": 1500, "litres_per_minute": 60, "tank": "draws"},
    "van": {"kind": "valve", "watts": 10, "litres_per_minute": 30, "tank": "fills"},
    "quat": {"kind": "fan", "watts": 400, "warms": -4},
    "phun": {"kind": "mist", "watts": 300, "moistens": 20},
}


class Desk:
    """A cabinet and the time around it."""

    def __init__(self, start=NOON, memory=None, **config):
        self.config = SimulatedCabinetConfig(lines=LINES, **{"own_watts": 0, "tank_litres": 600, **config})
        self.mono, self.now = 100.0, start
        self.world = World(self.config, memory or Memory(), self.mono, start)

    def pass_s(self, seconds):
        self.mono += seconds
        self.now += timedelta(seconds=seconds)
        self.world.advance(self.mono, self.now)

    def set(self, **levels):
        for line, level in levels.items():
            self.world.set_output(line.replace("_", "-"), level)

    def broken(self, **words):
        self.world.set_faults(
            {t.replace("__", "-"): parse(self.config, t.replace("__", "-"), w) for t, w in words.items()}
        )

    def __getitem__(self, channel):
        return self.world.values()[channel]


def test_energy_is_power_times_time_for_each_line_and_for_all_of_them():
    desk = Desk(own_watts=50)
    desk.set(den=100)
    desk.pass_s(1800)
    desk.set(den=0, den_mo=25)
    desk.pass_s(3600)
    assert desk["den_energy"] == pytest.approx(0.225)
    assert desk["den-mo_energy"] == pytest.approx(0.05)
    assert desk["energy"] == pytest.approx(0.225 + 0.05 + 0.05 * 1.5)
    assert desk["den-mo_power"] == pytest.approx(50)
    assert desk["den-mo_current"] == pytest.approx(50 / 220)
    assert desk["power"] == pytest.approx(100)


def test_a_long_wait_counts_the_same_as_many_short_ones():
    one, many = Desk(), Desk()
    for desk in (one, many):
        desk.set(den=100, van=100, quat=100)
    one.pass_s(7200)
    for _ in range(720):
        many.pass_s(10)
    for channel in ("energy", "van_litres", "tank"):
        assert one[channel] == pytest.approx(many[channel])
    assert one["temperature"] == pytest.approx(many["temperature"], abs=0.5)


def test_time_that_goes_back_undoes_nothing():
    desk = Desk()
    desk.set(den=100)
    desk.pass_s(3600)
    desk.world.advance(5.0, desk.now)
    assert desk["energy"] == pytest.approx(0.45)


def test_a_pump_empties_the_tank_and_then_runs_dry():
    desk = Desk(tank_start=50)
    desk.set(bom=100)
    desk.pass_s(240)
    assert (desk["bom_flow"], desk["tank"]) == (60, pytest.approx(10))
    desk.pass_s(120)
    assert (desk["bom_flow"], desk["tank"], desk["bom_power"]) == (0, pytest.approx(0), 1500)
    assert desk["bom_litres"] == pytest.approx(300)
    desk.set(van=100, bom=0)
    desk.pass_s(3600)
    assert (desk["tank"], desk["van_litres"]) == (100, pytest.approx(1800))


def test_the_fan_cools_and_the_mist_moistens_towards_the_air_outside():
    desk = Desk(temperature=(20, 30), humidity=(50, 60), air_s=100)
    desk.pass_s(1000)
    warm, moist = desk["temperature"], desk["humidity"]
    assert 20 < warm < 30
    desk.set(quat=100, phun=50)
    desk.pass_s(100)
    assert desk["temperature"] - warm == pytest.approx(-4 * (1 - 1 / 2.71828), abs=0.1)
    desk.pass_s(900)
    assert desk["temperature"] - warm == pytest.approx(-4, abs=0.3)
    assert desk["humidity"] - moist == pytest.approx(10, abs=0.5)


def test_light_follows_the_sun_by_the_clock():
    config = SimulatedCabinetConfig(lines={}, sunrise="06:00", sunset="18:00", noon_lux=50_000)
    night = [0.0, 3.0, 5.5, 18.5, 21.0, 23.9]
    assert all(air.lux(config, hour) < air.DARK_LUX for hour in night)
    assert all(air.lux(config, hour) > air.DARK_LUX for hour in [6.0, 7.0, 12.0, 17.9, 18.2])
    assert air.lux(config, 12.0) == pytest.approx(50_400)
    walk = [air.lux(config, 12 + minute / 60) for minute in range(721)]
    assert walk == sorted(walk, reverse=True)
    assert 15 < next(m for m in range(60) if air.lux(config, 18 + m / 60) < air.DARK_LUX) < 17
    desk = Desk(start=NOON + timedelta(hours=9))
    assert (desk["photocell"], Desk()["photocell"]) == (1, 0)


@pytest.mark.parametrize(
    ("word", "commanded", "contact", "power", "breaker"),
    [
        ("stuck-on", 0, 1, 450, 1),
        ("stuck-off", 100, 0, 0, 1),
        ("welded", 0, 1, 450, 1),
        ("coil", 100, 0, 0, 1),
        ("tripped", 100, 1, 0, 0),
        ("hand", 0, 1, 450, 1),
        ("burnt-out", 100, 1, 0, 1),
        ("burnt-out:20", 100, 1, 360, 1),
        ("overload:200", 100, 1, 900, 1),
        ("dead", 100, 1, 450, 1),
    ],
)
def test_a_broken_line_shows_what_a_real_one_would(word, commanded, contact, power, breaker):
    desk = Desk()
    desk.set(den=commanded)
    desk.broken(den=word)
    assert (desk["den_contact"], desk["den_power"], desk["den_breaker"]) == (contact, pytest.approx(power), breaker)
    assert desk["den_hand"] == (word == "hand")
    desk.pass_s(3600)
    assert desk["den_energy"] == pytest.approx(power / 1000)
    desk.world.set_faults({})
    assert desk["den_power"] == (450 if commanded else 0)


def test_a_cycling_lamp_goes_out_and_comes_back_while_its_contactor_stays():
    desk = Desk()
    desk.set(den=100)
    desk.broken(den="cycling:30")
    seen = []
    for _ in range(4):
        seen.append((desk["den_power"], desk["den_contact"]))
        desk.pass_s(30)
    assert seen == [(0, 1), (450, 1), (0, 1), (450, 1)]


def test_a_dry_pump_takes_less_and_moves_nothing():
    desk = Desk()
    desk.set(bom=100)
    desk.broken(bom="dry")
    desk.pass_s(60)
    assert (desk["bom_flow"], desk["bom_litres"], desk["bom_power"]) == (0, 0, 900)


@pytest.mark.parametrize("thing", ["supply=loss", "breaker=tripped"])
def test_without_mains_nothing_runs_but_a_welded_contact_stays_closed(thing):
    desk = Desk()
    desk.set(den=100, quat=100)
    name, word = thing.split("=")
    desk.broken(**{name: word, "quat": "welded"})
    assert (desk["den_contact"], desk["quat_contact"], desk["power"]) == (0, 1, 0)
    assert (desk["supply"], desk["breaker"]) == ((0, 1) if name == "supply" else (1, 0))
    assert desk["voltage"] == (0 if name == "supply" else 220)
    desk.world.set_faults({})
    assert desk["den_power"] == 450


def test_the_cabinets_hand_switch_lights_lamps_and_leaves_pumps():
    desk = Desk()
    desk.broken(hand="on", door="open", leakage="yes")
    assert (desk["den_contact"], desk["den-mo_power"], desk["bom_contact"]) == (1, 200, 0)
    assert (desk["hand"], desk["door"], desk["leakage"]) == (1, 1, 1)


def test_counters_outputs_and_tank_go_on_where_they_were():
    desk = Desk()
    desk.set(den=100, van=100)
    desk.pass_s(600)
    later = Desk(memory=desk.world.memory())
    assert (later.world.output("den"), later.world.output("quat")) == (100, None)
    assert {c: later[c] for c in ("energy", "den_energy", "van_litres", "tank")} == {
        c: desk[c] for c in ("energy", "den_energy", "van_litres", "tank")
    }
