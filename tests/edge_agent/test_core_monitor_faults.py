"""Each of TALQ's faults of a switched thing: from what it is seen, when it is told, what explains it away."""

import math
from typing import Any

import pytest
from core_things import Bench, lamp, pump

from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import Trouble
from edge_agent.control.monitor import Monitor
from edge_agent.control.troubles import GRAVITY, news

ALL = {"contact": "k", "breaker": "b", "hand": "h", "current": "a", "power": "w"}
SILENT = Fault.of("driver.silent", detail="unit 3 does not answer")


class Rig(Bench):
    """A monitor that is looked at as the switching service does: when it asks to be, and on news."""

    def __init__(self, entry: SwitchedEntry) -> None:
        super().__init__()
        self.monitor = Monitor(entry)
        self.wanted, self.actual = 0.0, 0.0
        self.line: Fault | None = None
        self.supply_lost = False
        self.told: tuple[Trouble, ...] = ()
        self.events: list[tuple[str, str]] = []
        self.due = 0.0

    @property
    def types(self) -> list[str]:
        return [trouble.type for trouble in self.told]

    def look(self) -> list[str]:
        before = self.told
        self.told = self.monitor.look(
            self.moment, self.wanted, self.actual, self.read, line=self.line, supply_lost=self.supply_lost
        )
        self.events += [(type_, data["code"]) for type_, data in news(before, self.told)]
        again = self.monitor.again_s
        self.due = math.inf if again is None else self.mono + again
        return self.types

    def lasts(self, seconds: float, measure_s: float = 5) -> list[str]:
        """So long nothing happens: sensors measure the same again, and the monitor is looked at when it asks."""
        self.look()
        end, measured = self.mono + seconds, self.mono
        while self.mono < end - 1e-9:
            step = min(end, measured + measure_s, self.due) - self.mono
            self.passes(max(step, 0.001))
            if self.mono >= measured + measure_s - 1e-9:
                measured = self.mono
                self.says(**{name: reading.value for name, reading in self.readings.items()})
            if self.mono >= self.due - 1e-9:
                self.look()
        return self.types

    def switch(self, level: float, **values: Any) -> None:
        """Switched, and the sensors follow as told a moment later."""
        self.wanted = self.actual = level
        self.look()
        self.passes(0.2)
        self.says(**values)
        self.look()


def rig(feedback: dict[str, Any] | None = None, *, a_pump: bool = False, **settings: Any) -> Rig:
    made = Rig((pump if a_pump else lamp)(feedback=feedback or {}, **settings))
    made.says(**{name: name == "b" for name in (feedback or {}).values() if isinstance(name, str)})
    made.look()
    return made


def test_nothing_is_told_while_all_is_well() -> None:
    row = rig(ALL, rated_w=100)
    for _ in range(3):
        row.switch(100, k=1, a=0.5, w=100)
        assert row.lasts(1000) == []
        row.switch(0, k=0, a=0, w=0)
        assert row.lasts(1000) == []
    assert row.events == []


def test_a_welded_contactor_is_stuck_on() -> None:
    row = rig({"contact": "k"})
    row.switch(100, k=1)
    row.lasts(60)
    row.switch(0, k=1)
    assert row.lasts(9) == []
    began = row.now
    assert row.lasts(2) == ["switchingErrorOn"]
    assert abs((began - row.told[0].since).total_seconds() - 9) < 0.5
    assert row.lasts(3000) == ["switchingErrorOn"]
    row.says(k=0)
    assert row.lasts(29) == ["switchingErrorOn"]
    assert row.lasts(2) == []
    assert row.events == [("fault", "switchingErrorOn"), ("cleared", "switchingErrorOn")]


def test_a_contactor_that_does_not_pull_in_is_stuck_off_and_explains_the_dark() -> None:
    row = rig(ALL)
    row.switch(100, k=0, a=0, w=0)
    assert row.lasts(60) == ["switchingErrorOff"]


def test_without_a_contact_the_line_itself_is_read_back() -> None:
    row = rig()
    row.wanted, row.actual = 100, 0
    assert row.lasts(11) == ["switchingErrorOff"]
    row.actual = 100
    assert row.lasts(31) == []
    row.wanted = 0
    assert row.lasts(11) == ["switchingErrorOn"]


def test_what_a_contact_said_before_the_switching_proves_nothing() -> None:
    row = rig({"contact": "k", "confirm_s": 0})
    row.wanted = row.actual = 100
    assert row.look() == []
    row.passes(4)
    row.says(k=1)
    assert row.look() == []
    assert row.events == []


def test_a_contact_that_only_tells_changes_is_believed_after_two_minutes() -> None:
    row = rig({"contact": "k"})
    row.wanted = row.actual = 100
    assert row.lasts(119, measure_s=1e9) == []
    assert row.lasts(12, measure_s=1e9) == ["switchingErrorOff"]


def test_a_burnt_out_lamp_is_told_and_stays_told_through_the_day() -> None:
    row = rig({"current": "a"})
    row.switch(100, a=0.01)
    assert row.lasts(11) == ["lampFailure"]
    assert "0.01 A" in row.told[0].fault.vi
    since = row.told[0].since
    row.switch(0, a=0)
    assert row.lasts(3600) == ["lampFailure"]
    row.switch(100, a=0)
    assert row.lasts(60) == ["lampFailure"]
    assert row.told[0].since == since
    row.switch(0, a=0)
    row.switch(100, a=0.4)
    assert row.lasts(31) == []
    assert row.events == [("fault", "lampFailure"), ("cleared", "lampFailure")]


def test_a_day_burner_is_told_but_not_beside_the_welded_contactor_that_lights_it() -> None:
    row = rig({"current": "a"})
    row.says(a=0.4)
    assert row.lasts(16) == ["lampUnexpectedOn"]
    welded = rig({"current": "a", "contact": "k"})
    welded.says(a=0.4, k=1)
    assert welded.lasts(60) == ["switchingErrorOn"]


@pytest.mark.parametrize(
    ("watts", "told"), [(69, ["lampPowerTooLow"]), (71, []), (129, []), (131, ["lampPowerTooHigh"])]
)
def test_power_is_compared_with_the_rated_power(watts: float, told: list[str]) -> None:
    row = rig({"power": "w"}, rated_w=100)
    row.switch(100, w=watts)
    assert row.lasts(400) == told


def test_power_of_a_dimmed_lamp_is_compared_with_its_level() -> None:
    row = rig({"power": "w"}, rated_w=100, dimmable=True)
    row.switch(30, w=30)
    assert row.lasts(400) == []
    row.switch(30, w=100)
    assert row.lasts(400) == ["lampPowerTooHigh"]


def test_inrush_and_the_run_up_of_a_sodium_lamp_are_not_told() -> None:
    row = rig({"power": "w", "confirm_s": 0}, rated_w=100)
    row.switch(100, w=800)
    assert row.lasts(8, measure_s=1) == []
    row.says(w=40)
    assert row.lasts(280, measure_s=1) == []
    row.says(w=95)
    assert row.lasts(600, measure_s=1) == []
    assert row.events == []


def test_the_inrush_that_was_measured_last_is_not_taken_for_the_power_after_it() -> None:
    row = rig({"power": "w", "confirm_s": 0}, rated_w=100)
    row.switch(100, w=800)
    assert row.lasts(14, measure_s=20) == []
    row.says(w=100)
    assert row.lasts(100) == []


def test_a_tripped_breaker_explains_the_dark() -> None:
    row = rig(ALL, rated_w=100)
    row.switch(100, k=1, a=0.5, w=100)
    row.lasts(400)
    row.says(b=0, a=0, w=0)
    assert row.lasts(400) == ["circuitBreakerTripped"]
    row.says(b=1, a=0.5, w=100)
    assert row.lasts(400) == []
    assert row.events == [("fault", "circuitBreakerTripped"), ("cleared", "circuitBreakerTripped")]


def test_what_the_breaker_or_the_mains_explain_is_hidden_while_they_do() -> None:
    row = rig(ALL)
    row.switch(100, k=1, a=0)
    assert row.lasts(60) == ["lampFailure"]
    assert row.told[0].fault.vi.startswith("Cổng:")
    row.says(b=0)
    assert row.lasts(60) == ["circuitBreakerTripped"]
    row.says(b=1)
    assert row.lasts(60) == ["lampFailure"]
    row.supply_lost = True
    assert row.look() == []


def test_lost_mains_explain_the_dark_and_lamps_may_take_their_restrike_time_after() -> None:
    row = rig(ALL, rated_w=100, limits={"minimum_off_s": 120})
    row.switch(100, k=1, a=0.5, w=100)
    row.lasts(400)
    row.supply_lost = True
    row.says(a=0, w=0, k=0)
    assert row.lasts(400) == []
    row.supply_lost = False
    row.says(k=1)
    assert row.lasts(115) == []
    row.says(a=0.5, w=100)
    assert row.lasts(400) == []


def test_a_person_at_the_hand_switch_is_told_and_nothing_else() -> None:
    row = rig(ALL, rated_w=100)
    row.says(h=1, k=1, a=0.5, w=900)
    assert row.lasts(400) == ["localOverride"]
    row.says(h=0, k=0, a=0, w=0)
    assert row.lasts(60) == []


def test_a_line_that_does_not_answer_is_told_with_its_reason_and_nothing_else() -> None:
    row = rig(ALL, rated_w=100)
    row.line, row.wanted, row.actual = SILENT, 100, None
    assert row.lasts(60) == ["controlGearCommFailure"]
    assert "unit 3" in row.told[0].fault.en
    row.line, row.actual = None, 100
    row.says(k=1, a=0.5, w=100)
    assert row.lasts(60) == []


def test_a_lamp_that_goes_out_and_comes_back_by_itself_is_cycling() -> None:
    row = rig({"current": "a", "confirm_s": 60})
    row.switch(100, a=0.5)
    for _ in range(3):
        assert row.lasts(200) == []
        row.says(a=0)
        row.lasts(50)
        row.says(a=0.5)
    assert row.lasts(1) == ["cyclingFailure"]
    assert row.told[0].fault.params["value"] == 3
    row.says(a=0)
    assert row.lasts(300) == ["cyclingFailure"]  # its dark times are explained
    row.says(a=0.5)
    assert row.lasts(1900) == []
    assert row.events == [("fault", "cyclingFailure"), ("cleared", "cyclingFailure")]


def test_a_lamp_that_is_switched_often_does_not_cycle() -> None:
    row = rig({"current": "a"})
    for _ in range(10):
        row.switch(100, a=0.5)
        row.lasts(60)
        row.switch(0, a=0)
        row.lasts(60)
    assert row.events == []


def test_going_out_before_a_switching_does_not_count_after_it() -> None:
    row = rig({"current": "a", "confirm_s": 600})
    for _ in range(2):
        row.switch(100, a=0.5)
        for _ in range(2):
            row.lasts(60)
            row.says(a=0)
            row.lasts(20)
            row.says(a=0.5)
        row.lasts(20)
        row.switch(0, a=0)
        row.lasts(20)
    assert row.events == []


def test_a_pump_that_draws_nothing_or_too_much_is_not_called_a_lamp() -> None:
    motor = rig({"power": "w"}, a_pump=True, rated_w=1000)
    motor.switch(100, w=0)
    assert motor.lasts(60) == ["deviceMalfunction"]
    motor.says(w=2000)
    assert motor.lasts(60) == ["totalPowerTooHigh"]
    motor.says(w=300)
    assert motor.lasts(60) == ["totalPowerTooLow"]
    motor.switch(0, w=900)
    assert "switchingErrorOn" in motor.lasts(60)
    assert all("đèn" not in trouble.fault.vi and "lamp" not in trouble.fault.en for trouble in motor.told)


@pytest.mark.parametrize("name", ["k", "b", "h", "a", "w"])
def test_an_unknown_sensor_raises_nothing_and_clears_nothing(name: str) -> None:
    well = rig(ALL, rated_w=100)
    well.switch(100, k=1, a=0.5, w=100)
    well.says(**{name: None})
    assert well.lasts(2000) == []
    ill = rig({role: sensor for role, sensor in ALL.items() if sensor == name}, rated_w=100)
    ill.wanted = ill.actual = 100
    ill.look()
    ill.passes(1)
    ill.says(**{name: 1 if name == "h" else 0})
    (told,) = ill.lasts(400)
    ill.says(**{name: None})
    assert ill.lasts(4000) == [told]


def test_a_standby_watt_is_no_light_unless_the_installer_says_so() -> None:
    row = rig({"power": "w"}, rated_w=100)
    row.says(w=1.5)
    assert row.lasts(300) == []
    strict = rig({"power": "w", "on_above": 1.2}, rated_w=100)
    strict.says(w=1.5)
    assert strict.lasts(300) == ["lampUnexpectedOn"]


def test_what_is_told_outlives_a_restart_with_its_beginning_and_is_told_once() -> None:
    row = rig(ALL)
    row.says(b=0)
    (told,) = row.lasts(60) and row.told
    kept = row.monitor.dump()
    again = Rig(lamp(feedback=ALL))
    again.monitor.load({**kept, "lampFailure": {"type": "nonsense"}, "switchingErrorOn": 7})
    again.told = again.monitor.told
    again.passes(86_400)
    again.says(b=0)
    assert again.lasts(60) == ["circuitBreakerTripped"]
    assert again.told == (told,)
    assert again.events == []


def test_the_beginning_is_corrected_when_the_clock_is_trusted_at_last() -> None:
    row = rig({"breaker": "b"})
    row.trusted = False
    row.now = row.now.replace(year=2001)
    row.says(b=0)
    row.lasts(60)
    assert row.told[0].since.year == 2001
    row.now, row.trusted = row.now.replace(year=2026), True
    row.look()
    assert row.told[0].since.year == 2026
    assert row.events == [("fault", "circuitBreakerTripped")]


def test_the_gravest_comes_first() -> None:
    row = rig(ALL)
    row.says(b=0, h=1)
    row.line = SILENT
    assert row.lasts(60) == ["circuitBreakerTripped", "controlGearCommFailure", "localOverride"]
    assert sorted(row.types, key=list(GRAVITY).index) == row.types


def test_a_steady_state_gives_the_same_objects() -> None:
    row = rig({"power": "w"}, rated_w=100)
    row.switch(100, w=200)
    row.lasts(400)
    told = row.told
    row.says(w=210)
    row.lasts(400)
    assert row.told == told and row.told[0] is told[0]
