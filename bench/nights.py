"""Two hundred lights: a year of nights expanded, what a look at all of them costs, and how near the sun's times are.

Twice: as in a commune (a few calendars that many lights follow), and with a programme of its own for each light.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

from bench.rig import percentile
from edge_agent.config.switching import Light
from edge_agent.config.timetable import Calendar, NamedProgramme
from edge_agent.timetable import sun
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Plan, Timetable

LIGHTS = 200
HA_NOI = Place(21.0285, 105.8542, "Asia/Ho_Chi_Minh")
CA_MAU = Place(9.1769, 105.1524, "Asia/Ho_Chi_Minh")
FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)
STEPS = [{"at": "22:30", "level": 50, "ramp_s": 60}, {"at": "04:30", "level": 100, "ramp_s": 60}]
RULES = [
    {"programme": "ca-dem", "tet": [7, 5]},
    {"programme": "ca-dem", "lunar": {"days": [1, 15]}},
    {"programme": "off", "dates": ["2027-03-27", "04-22"]},
    {"programme": "hoc", "from": "09-05", "to": "05-31", "weekdays": ["mon", "tue", "wed", "thu", "fri"]},
    {"programme": "ca-dem", "weekdays": ["sat"], "occurrences": [1, "last"]},
]


def commune() -> list[Plan]:
    """Twenty calendars and ten programmes; ten lights follow each calendar."""
    named = [NamedProgramme.model_validate({"id": f"p{n}", "on": f"sunset-{n}m", "steps": STEPS}) for n in range(10)]
    named += [NamedProgramme(id="ca-dem"), NamedProgramme(id="hoc", on="dusk", off="21:30")]
    calendars = [
        Calendar.model_validate({"id": f"c{n}", "rules": RULES[n % 3 :], "otherwise": f"p{n % 10}"}) for n in range(20)
    ]
    timetable = Timetable(named, calendars, HA_NOI)
    return plans(timetable, [{"calendar": f"c{n % 20}"} for n in range(LIGHTS)])


def each_its_own() -> list[Plan]:
    """A programme of its own for each light."""
    timetable = Timetable((), (), HA_NOI)
    own = [{"on": f"sunset-{n}m", "off": f"sunrise+{n}m", "steps": STEPS} for n in range(LIGHTS)]
    return plans(timetable, [{"programme": programme} for programme in own])


def plans(timetable: Timetable, follow: list[dict[str, object]]) -> list[Plan]:
    """The plans of lights."""
    entries = [
        Light.model_validate({"id": f"l{n}", "name": "L", "line": f"r/{n}", "dimmable": True, **each})
        for n, each in enumerate(follow)
    ]
    found = [timetable.plan_of(entry) for entry in entries]
    return [plan for plan in found if plan is not None]


def ticks(made: list[Plan]) -> list[float]:
    """Milliseconds of a look at all lights, each minute of a week (switching, noon and midnight among them)."""
    now = datetime(2027, 2, 1, 4, tzinfo=UTC)
    taken = []
    for plan in made:
        plan.at(now, lambda sensor: None)
    for _ in range(7 * 1440):
        began = time.perf_counter()
        for plan in made:
            plan.at(now, lambda sensor: None)
        taken.append((time.perf_counter() - began) * 1e3)
        now += timedelta(minutes=1)
    return taken


def measured(name: str) -> dict[str, float]:
    """The figures of one kind, from nothing kept of before."""
    sun.event.cache_clear()
    made = {"commune": commune, "each_its_own": each_its_own}[name]()
    began = time.perf_counter()
    switches = sum(len(plan.switches(FIRST, LAST)) for plan in made)
    year = time.perf_counter() - began
    taken = ticks({"commune": commune, "each_its_own": each_its_own}[name]())
    return {
        "switches": switches,
        "year_s": round(year, 3),
        "tick_median_ms": round(percentile(taken, 0.5), 4),
        "tick_p99_ms": round(percentile(taken, 0.99), 4),
        "tick_worst_ms": round(max(taken), 3),
    }


def worst_apart() -> dict[str, float]:
    """Seconds between our times and PyEphem's, the most in a year."""
    import ephem

    worst = dict.fromkeys(("sunrise", "sunset", "dawn", "dusk"), 0.0)
    for place in (HA_NOI, CA_MAU):
        for number in range(365):
            day = FIRST + timedelta(days=number)
            for name in worst:
                twilight = name in ("dawn", "dusk")
                observer = ephem.Observer()
                observer.lat, observer.lon = str(place.latitude), str(place.longitude)
                observer.pressure, observer.horizon = 0, "-6" if twilight else "-0:34"
                observer.date = datetime(day.year, day.month, day.day, 5)
                find = observer.previous_rising if name in ("sunrise", "dawn") else observer.next_setting
                at = find(ephem.Sun(), use_center=twilight).datetime().replace(tzinfo=UTC)
                worst[name] = max(worst[name], abs((sun.event(name, place, day) - at).total_seconds()))
    return {name: round(seconds, 1) for name, seconds in worst.items()}


def astral_costs() -> dict[str, float]:
    """Milliseconds and megabytes of its import, in a process that has the rest of the timetable."""
    code = """
import json, time, psutil
import edge_agent.timetable.timetable
me = psutil.Process()
before, began = me.memory_info().rss, time.perf_counter()
import astral.sun
print(json.dumps({"ms": (time.perf_counter() - began) * 1e3, "mb": (me.memory_info().rss - before) / 1e6}))
"""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60).stdout)
        for _ in range(5)
    ]
    return {key: round(percentile([run[key] for run in runs], 0.5), 1) for key in ("ms", "mb")}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_known_args()[0].json
    found = {name: measured(name) for name in ("commune", "each_its_own")}
    figures = {**found, "seconds_from_pyephem": worst_apart(), "astral_import": astral_costs()}
    if as_json:
        print(json.dumps(figures))
        return
    print(f"{LIGHTS} lights (limits: a year 1 s, a tick 1 ms)")
    print(f"{'':14} {'switches':>9} {'year s':>8} {'tick ms: median':>16} {'p99':>8} {'worst':>8}")
    for name, each in found.items():
        print(
            f"{name:14} {each['switches']:9} {each['year_s']:8.3f} {each['tick_median_ms']:16.4f} "
            f"{each['tick_p99_ms']:8.4f} {each['tick_worst_ms']:8.3f}"
        )
    apart = figures["seconds_from_pyephem"]
    print("seconds from PyEphem, at most in 2027: " + ", ".join(f"{name} {apart[name]}" for name in apart))
    print(f"import of astral: {figures['astral_import']['ms']} ms, {figures['astral_import']['mb']} MB")


if __name__ == "__main__":
    main()
