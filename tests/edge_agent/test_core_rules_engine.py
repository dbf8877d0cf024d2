"""One rule in simulated time: begins, ends, rests, waits, and says why; never on what is unknown, never for ever."""

import json
import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core_switched import NOON, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config.rules import Rule
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Switch
from edge_agent.rules.engine import RuleEngine, Verdict
from edge_agent.rules.scene import Scene
from edge_agent.timetable.place import Place
from edge_agent.timetable.sun import sunset

PLACE = Place(21.03, 105.85, "Asia/Ho_Chi_Minh")
SENSORS = [
    Sensor(id="nhiet", name="Nhiệt độ", line="a/1", kind="temperature", stale_s=60),
    Sensor(id="am", name="Độ ẩm", line="a/2", kind="humidity", stale_s=120),
    Sensor(id="nuoc", name="Đồng hồ nước", line="a/3", kind="volume", stale_s=30),
    Sensor(id="phao", name="Phao bể", line="a/4", kind="contact"),
]
SCENE = Scene(
    things={"may": Switch.model_validate({"id": "may", "name": "Máy", "line": "b/1", "feedback": {"flow": "nuoc"}})},
    sensors={sensor.id: sensor for sensor in SENSORS},
    place=PLACE,
)
HOT = {"sensor": "nhiet", "above": 32, "ends": 30, "for_s": 60}
DRY = {"sensor": "am", "below": 60, "ends": 70}


def engine(**rule: object) -> RuleEngine:
    return RuleEngine(
        Rule.model_validate({"id": "luat", "name": "Luật", "thing": "may", "maximum_s": 600, **rule}), SCENE
    )


class Farm(Bench):
    """A rule that is looked at whenever it asked to be, and whenever a sensor has news."""

    def __init__(self, start: datetime = NOON, **rule: object) -> None:
        super().__init__(start)
        self.made = rule
        self.engine = engine(**rule)
        self.litres: float | None = None
        self.verdict: Verdict = self.look()

    def look(self) -> Verdict:
        self.verdict = self.engine.look(self.moment, self.readings, self.litres)
        return self.verdict

    def set(self, **values: float | None) -> str:
        self.say(**values)
        return self.look().doing

    def wait(self, seconds: float) -> str:
        """Time passes; it is looked at when it asked for it, and at the end."""
        end = self.mono + seconds
        while self.verdict.again_s is not None and self.mono + self.verdict.again_s < end:
            self.after(self.verdict.again_s)
            self.look()
        self.after(end - self.mono)
        return self.look().doing

    def power_cut(self, dark_s: float, *, trusted: bool = True) -> None:
        kept = json.loads(json.dumps(self.engine.dump()))
        self.restart(dark_s)
        self.trusted = trusted
        self.engine = engine(**self.made)
        self.engine.load(kept)


def local(hour: int, minute: int, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(PLACE.timezone)).astimezone(UTC)


def test_it_begins_after_its_time_and_ends_with_hysteresis() -> None:
    farm = Farm(all_of=[HOT])
    assert farm.verdict.doing == "unknown"
    assert farm.set(nhiet=28) == "idle"
    assert farm.set(nhiet=33) == "waiting"
    assert farm.wait(59) == "waiting"
    assert farm.wait(1) == "acting"
    assert farm.set(nhiet=30.1) == "acting"
    assert farm.set(nhiet=30) == "idle"
    assert farm.verdict.said.en == "Máy ran for 0 s and stopped: nhiệt độ falls to 30 °C."


def test_a_moment_of_coolness_begins_the_waiting_anew() -> None:
    farm = Farm(all_of=[HOT])
    farm.set(nhiet=33)
    farm.wait(50)
    farm.set(nhiet=29)
    farm.set(nhiet=33)
    assert farm.wait(59) == "waiting"
    assert farm.wait(1) == "acting"


def test_it_ends_at_its_longest_time_and_rests_and_may_begin_again() -> None:
    farm = Farm(all_of=[HOT], rest_s=300)
    farm.set(nhiet=35)
    farm.wait(60)
    assert farm.verdict.until == farm.now + timedelta(seconds=600)
    assert farm.wait(599) == "acting"
    assert farm.wait(1) == "resting"
    assert farm.verdict.said.vi.startswith("Máy đã chạy 10 phút rồi thôi: đã đủ 10 phút. Nghỉ đến 2026-11-23T")
    assert farm.wait(299) == "resting"
    assert farm.wait(1) == "acting"


def test_what_has_not_come_back_yet_is_not_said_to_be_beyond_its_limit() -> None:
    farm = Farm(all_of=[HOT], rest_s=300)
    farm.set(nhiet=35)
    farm.wait(660)
    farm.set(nhiet=31)
    assert farm.wait(300) == "acting"
    assert farm.verdict.said.vi.startswith("Máy chạy vì nhiệt độ 31 °C chưa xuống đến 30 °C; tự tắt")


def test_after_its_rest_it_speaks_of_the_rest_no_more() -> None:
    farm = Farm(all_of=[HOT], rest_s=300)
    farm.set(nhiet=35)
    farm.wait(660)
    assert farm.set(nhiet=28) == "resting"
    assert "Nghỉ đến" in farm.verdict.said.vi
    assert farm.wait(300) == "idle"
    assert farm.verdict.said.vi == "Chưa cần: nhiệt độ không cao hơn 32 °C."


def test_without_a_rest_it_does_not_begin_again_while_its_reason_lasts() -> None:
    farm = Farm(all_of=[HOT])
    farm.set(nhiet=35)
    farm.wait(60)
    assert farm.wait(600) == "idle"
    assert farm.verdict.said.vi.endswith("Chỉ chạy lại sau khi nhiệt độ xuống đến 30 °C.")
    assert farm.wait(24 * 3600) == "idle"
    farm.set(nhiet=None)
    farm.set(nhiet=35)
    assert farm.wait(3600) == "idle"
    farm.power_cut(60)
    assert farm.set(nhiet=35) == "idle" and farm.wait(3600) == "idle"
    farm.set(nhiet=30)
    farm.set(nhiet=35)
    assert farm.wait(60) == "acting"


def test_its_shortest_time_is_kept_although_the_reason_is_gone() -> None:
    farm = Farm(all_of=[HOT], minimum_s=120)
    farm.set(nhiet=33)
    farm.wait(60)
    assert farm.set(nhiet=20) == "acting"
    assert farm.wait(119) == "acting"
    assert farm.wait(1) == "idle"


def test_silence_begins_nothing_and_ends_what_acts_only_when_it_lasts() -> None:
    farm = Farm(all_of=[HOT], minimum_s=500)
    farm.set(nhiet=33)
    farm.wait(60)
    assert farm.set(nhiet=None) == "acting"
    assert farm.wait(59) == "acting"
    assert farm.set(nhiet=31) == "acting"
    farm.set(nhiet=None)
    assert farm.wait(60) == "idle"
    assert farm.verdict.said.vi == "Máy đã chạy 119 giây rồi thôi: không còn biết nhiệt độ."
    assert farm.look().doing == "unknown"
    assert farm.set(nhiet=31) == "waiting"  # between the limits it is what it was
    assert farm.set(nhiet=math.nan) == "unknown"
    assert farm.wait(3600) == "unknown"


def test_all_and_any_with_what_is_unknown() -> None:
    both = Farm(all_of=[DRY], any_of=[HOT | {"for_s": 0}, {"sensor": "phao", "above": 0.5}])
    assert both.set(am=50) == "unknown"
    assert both.set(nhiet=20) == "unknown"
    assert both.set(phao=1) == "acting"  # one of them is enough, and it is known
    both = Farm(all_of=[DRY, HOT | {"for_s": 0}])
    assert both.set(am=80) == "idle"  # nothing that the other says could change that
    assert both.verdict.said.vi == "Chưa cần: độ ẩm không thấp hơn 60 %."


def test_a_moment_acts_once_and_for_its_time() -> None:
    farm = Farm(at=["12:10", "12:30"], maximum_s=20)
    assert farm.verdict.said.vi == f"Chờ đến {local(12, 10).isoformat(timespec='milliseconds')}."
    assert farm.wait(599) == "idle"
    assert farm.wait(1) == "acting"
    assert farm.wait(20) == "idle"
    assert farm.wait(600) == "idle"
    farm.step(minutes=-15)
    assert farm.wait(16 * 60) == "idle", "a clock that is set back gives no second meal"
    assert farm.wait(8 * 60 + 50) == "acting"


def test_a_moment_waits_five_minutes_for_its_conditions_and_then_says_that_it_was_left_out() -> None:
    farm = Farm(at=["12:10"], all_of=[{"sensor": "am", "below": 60}])
    farm.set(am=80)
    farm.wait(601)
    assert farm.set(am=80) == "idle"
    assert farm.wait(298) == "idle"
    assert farm.wait(2) == "idle"
    assert farm.verdict.said.code == "rule.skipped"
    assert farm.verdict.said.vi.startswith("Bỏ lần 12:10. Chưa cần: độ ẩm không thấp hơn 60 %. Lần tới lúc 2026-11-24")
    assert farm.set(am=10) == "idle"
    late = Farm(at=["12:10"], all_of=[{"sensor": "am", "below": 60}])
    late.set(am=80)
    late.wait(700)
    assert late.set(am=10) == "acting"


def test_moments_of_the_sun_and_of_weekdays() -> None:
    begin = sunset(PLACE, datetime(2026, 11, 24).date()) - timedelta(minutes=15)
    farm = Farm(at=["sunset-15m"], weekdays=["tue"], maximum_s=60)
    farm.wait((begin - farm.now).total_seconds() - 1)
    assert farm.verdict.doing == "idle"
    assert farm.wait(2) == "acting"
    farm.wait(100)
    acted = 0
    for _ in range(6):
        acted += farm.wait(24 * 3600) == "acting"
    assert acted == 0


def test_a_run_that_began_before_midnight_is_not_cut_by_the_weekday() -> None:
    farm = Farm(local(23, 49), at=["23:50"], weekdays=["mon"], maximum_s=1200)
    assert farm.wait(70) == "acting"
    assert farm.wait(900) == "acting"


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    farm = Farm(local(21, 0), all_of=[{"sensor": "nhiet", "below": 15}], hours={"from": "22:00", "to": "05:00"},
                weekdays=["mon"], maximum_s=24 * 3600)  # fmt: skip
    assert farm.set(nhiet=10) == "idle"
    assert farm.verdict.said.vi == "Ngoài giờ: chỉ chạy từ 22:00 đến 05:00, thứ Hai."
    assert farm.wait(3600) == "acting"
    assert farm.wait(6 * 3600 + 3599) == "acting"  # 04:59 on Tuesday
    assert farm.wait(1) == "idle"
    assert farm.verdict.said.vi == "Máy đã chạy 7 giờ rồi thôi: hết giờ chạy."
    assert farm.wait(24 * 3600) == "idle"


def test_a_clock_that_nobody_vouches_for_begins_nothing_by_the_hour() -> None:
    for rule in ({"at": ["12:00"]}, {"all_of": [DRY], "hours": {"from": "00:00", "to": "00:00"}}):
        farm = Farm(**rule)
        farm.engine = engine(**rule)
        farm.trusted = False
        assert farm.set(am=10) == "idle"
        assert farm.verdict.said.code == "rule.clock"
        farm.trusted = True
        assert farm.look().doing == "acting"
    farm = Farm(all_of=[DRY])
    farm.trusted = False
    assert farm.set(am=10) == "acting"


def test_watering_by_litres_ends_with_the_amount_even_when_the_meter_begins_anew() -> None:
    farm = Farm(at=["12:01"], litres=50, maximum_s=3600)
    farm.say(nuoc=1000)
    farm.litres = 1000
    farm.wait(61)
    assert farm.verdict.doing == "acting"
    for counted in (1010, 1030, 3, 10):
        farm.litres = counted
        assert farm.wait(10) == "acting"
    farm.litres = 30
    assert farm.wait(1) == "idle"
    assert "đã đủ 57 lít" in farm.verdict.said.vi


def test_without_its_meter_watering_by_litres_does_not_begin_and_does_not_go_on() -> None:
    farm = Farm(all_of=[DRY], litres=50)
    assert farm.set(am=10) == "unknown"
    assert farm.verdict.said.vi == "Không chạy: không biết đồng hồ nước."
    farm.litres = 5
    assert farm.set(nuoc=None) == "unknown"
    assert farm.set(nuoc=5) == "acting"
    assert farm.set(nuoc=None) == "acting"
    assert farm.wait(29) == "acting"
    assert farm.wait(1) == "idle"
    assert farm.look().doing == "unknown"


def test_a_run_goes_on_after_a_power_cut_where_the_clock_says_how_much_is_left() -> None:
    farm = Farm(all_of=[HOT], rest_s=300)
    farm.set(nhiet=33)
    farm.wait(60)
    farm.wait(200)
    until = farm.verdict.until
    farm.power_cut(100)
    assert farm.look().doing == "acting" and abs(farm.verdict.until - until) < timedelta(milliseconds=2)
    assert farm.wait(30) == "acting"
    assert farm.set(nhiet=31) == "acting"
    assert farm.wait(271) == "resting"
    farm.power_cut(100)
    assert farm.set(nhiet=40) == "resting"
    assert farm.wait(198) == "resting"
    farm = Farm(all_of=[HOT], rest_s=300)
    farm.set(nhiet=33)
    farm.wait(60)
    farm.power_cut(100, trusted=False)
    assert farm.set(nhiet=33) == "resting"
    assert "nút bị tắt giữa chừng" in farm.verdict.said.vi
    assert farm.wait(299) == "resting"


def test_a_run_that_would_have_ended_in_the_dark_has_ended() -> None:
    farm = Farm(all_of=[HOT])
    farm.set(nhiet=33)
    farm.wait(60)
    farm.power_cut(7200)
    assert farm.set(nhiet=33) == "idle"


def test_a_clock_that_was_days_ahead_keeps_no_meal_waiting() -> None:
    farm = Farm(at=["12:10"], maximum_s=20)
    farm.step(days=30)
    assert farm.wait(610) == "acting"
    farm.wait(60)
    farm.step(days=-30, minutes=-11)
    farm.wait(650)
    assert datetime.fromisoformat(farm.engine.dump()["last"]) == local(12, 10)


def test_the_sentence_is_that_of_the_decision_not_of_each_value() -> None:
    farm = Farm(all_of=[HOT])
    farm.set(nhiet=33.2)
    said = farm.verdict.said
    farm.set(nhiet=34)
    assert farm.verdict.said == said and said.vi.startswith("Chờ thêm: nhiệt độ 33,2 °C")
    farm.wait(60)
    kept = farm.engine.dump()
    for value in (33, 35, 31):
        farm.set(nhiet=value)
        farm.wait(5)
        assert farm.engine.dump() == kept


_VALUES = st.sampled_from([None, math.nan, 10.0, 30.0, 31.0, 32.0, 33.0, 40.0])
_STEPS = st.lists(st.tuples(_VALUES, st.floats(0.5, 500), st.sampled_from([0, 0, 0, -3600, 86400])), max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    _STEPS,
    st.sampled_from([0, 45, 600]),
    st.sampled_from([0, 30, 300]),
    st.sampled_from([0, 60]),
    st.sampled_from([{}, {"hours": {"from": "11:00", "to": "13:00"}}, {"at": ["12:05", "12:06", "12:50"]}]),
)
def test_never_longer_than_it_may_never_without_rest_never_on_the_unknown(steps, least, rest, lasts, more) -> None:
    farm = Farm(all_of=[HOT | {"for_s": lasts}], minimum_s=least, rest_s=rest, **more)
    began = ended = bad_since = None
    acting = False

    def see() -> None:
        nonlocal began, ended, acting
        value = farm.values.get("nhiet")
        known = value is not None and math.isfinite(value)
        if farm.verdict.acting and not acting:
            assert known and value > 30, "began on what nobody knows, or without a reason"
            assert ended is None or farm.mono - ended >= rest - 1e-3
            began = farm.mono
        if acting and not farm.verdict.acting:
            assert farm.mono - began <= 600 + 0.1
            lost = bad_since is not None and farm.mono - bad_since >= 60 - 1e-3
            assert farm.mono - began >= least - 1e-3 or lost, "less than its shortest time"
            ended = farm.mono
        acting = farm.verdict.acting
        if acting:
            assert farm.mono - began < 600 + 0.1
            assert bad_since is None or farm.mono - bad_since < 60 + 0.1

    for value, seconds, jump in steps:
        farm.step(seconds=jump)
        farm.say(nhiet=value)
        known = value is not None and math.isfinite(value)
        bad_since = None if known else farm.mono if bad_since is None else bad_since
        farm.look()
        see()
        end = farm.mono + seconds
        while farm.verdict.again_s is not None and farm.mono + farm.verdict.again_s < end:
            farm.after(farm.verdict.again_s)
            farm.look()
            see()
        farm.after(end - farm.mono)
