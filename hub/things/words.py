"""What is switched and measured, in a person's words. No HTML here."""

from datetime import datetime

from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.sentences import sentence as code_sentence
from edge_agent.contract.sentences import sentences, spelled
from edge_agent.contract.switched import CabinetState, RuleState, SensorState, Switched, Trouble, Usage
from edge_agent.contract.thing import Thing
from hub.people.acting import BY_CONSOLE
from hub.sentences import Speaker
from hub.sentences import digits as written
from hub.times import local

UNITS = {"Cel": "°C", "1": "", "kW.h": "kWh", "%{RH}": "%", "L/min": "lít/phút", "L": "lít", "dB[mW]": "dBm"}
CONTACTS = ("door", "contact", "breaker", "hand", "leakage", "supply", "photocell", "level", "flow")
"""Sensors of these uses say yes or no where they have no unit."""


def said(speak: Speaker, words: Said | None, name: str = "") -> str:
    """A coded sentence; where it is known here, things are called by their name."""
    if words is None:
        return ""
    if name and "id" in words.params and words.code in sentences(speak.language):
        text = code_sentence(words.code, speak.language, {**words.params, "id": name})
    else:
        text = words.text(speak.language)
    return spelled(text[:500], speak.moment)


def digits(speak: Speaker, value: float) -> str:
    """A number as its readers write it."""
    return written(value, speak.language)


def level_word(speak: Speaker, state: Switched | None, light: bool) -> str:
    """Whether it is on, as read back where the node can read it back."""
    kind = "light" if light else "thing"
    if state is None:
        return speak.t(f"{kind}.unknown")
    level = state.wanted if state.actual is None else state.actual
    if level <= 0:
        return speak.t(f"{kind}.off")
    if light and is_dark(state):
        return speak.t("light.failed")
    return speak.t(f"{kind}.on") if level >= 100 else speak.t(f"{kind}.dimmed", level=speak.level(level))


def is_dark(state: Switched | None) -> bool:
    """Whether its lamp is known to give no light, although its line may be on."""
    return state is not None and any(one.type == "lampFailure" for one in state.troubles)


def why(speak: Speaker, state: Switched) -> str:
    """Who decided, and until when."""
    told = said(speak, state.said)
    if state.why in ("interlock", "rule") and told:
        return told if state.why == "interlock" else speak.t("thing.by_rule", said=told)
    if state.why == "override":
        key = "thing.by_hand_on" if state.wanted > 0 else "thing.by_hand_off"
        words = speak.t(key, by=who(speak, state.by))
    else:
        words = speak.t(f"why.{state.why}")
    return speak.t("why.until", why=words, until=speak.moment(state.until)) if state.until else words


def who(speak: Speaker, by: str | None) -> str:
    """Who asked."""
    if by == BY_CONSOLE:
        return speak.t("event.by_console")
    return speak.t("event.by", by=by[:60]) if by else ""


def waits(speak: Speaker, state: Switched) -> str:
    """Why it is not yet as wanted."""
    if state.waits_until is None:
        return ""
    at = to_the_second(speak, state.waits_until)
    return speak.t("thing.waits_on" if state.wanted > 0 else "thing.waits_off", at=at)


def to_the_second(speak: Speaker, instant: datetime) -> str:
    """`18:03:10`: what is waited for."""
    return f"{local(instant, speak.zone):%H:%M:%S}"


def troubles(speak: Speaker, state: Thing | None, name: str) -> tuple[str, ...]:
    """What is wrong, each with since when; of a node that does not tell them one by one, its fault."""
    if state is None:
        return ()
    listed: tuple[Trouble, ...] = getattr(state, "troubles", ())
    if listed:
        return tuple(
            f"{said(speak, one.fault, name)} {speak.t('thing.since', since=speak.moment(one.since))}" for one in listed
        )
    fault: Fault | None = state.fault
    if fault is not None:
        return (said(speak, fault, name),)
    if isinstance(state, Switched) and _differs(state):
        actual = state.actual or 0
        return (speak.t("light.differs", wanted=speak.level(state.wanted), actual=speak.level(actual)),)
    return ()


def _differs(state: Switched) -> bool:
    """On instead of off or the other way round, though nothing says that it waits; a ramp may be under way."""
    if state.actual is None or state.waits_until is not None:
        return False
    return (state.actual > 0) is not (state.wanted > 0)


def usage(speak: Speaker, state: Switched) -> tuple[str, ...]:
    """What it uses and has used."""
    used: Usage | None = state.usage
    facts = [] if state.power_w is None else [f"{digits(speak, state.power_w)} W"]
    if used is None:
        return tuple(facts)
    if used.energy_kwh is not None:
        facts.append(energy(speak, used.energy_kwh, used.energy_by))
    if used.hours_on:
        facts.append(speak.t("thing.hours", hours=digits(speak, used.hours_on)))
    if used.switch_ons:
        facts.append(speak.t("thing.switch_ons", count=used.switch_ons))
    if used.litres is not None:
        facts.append(speak.t("thing.litres", litres=digits(speak, used.litres)))
    return tuple(facts)


def energy(speak: Speaker, kwh: float, by: str | None) -> str:
    """Kilowatt-hours, and whether somebody measured them."""
    word = speak.t(f"thing.{by}") if by else ""
    return f"{digits(speak, kwh)} kWh {word}".strip()


def sensor(speak: Speaker, state: SensorState | None, use: str) -> str:
    """A value with its unit; a contact in words."""
    if state is None or state.actual is None:
        return speak.t("sensor.unknown")
    if state.unit == "1" and use in CONTACTS:
        yes = "yes" if state.actual >= 0.5 else "no"
        return speak.t(f"sensor.door_{yes}" if use == "door" else f"sensor.{yes}")
    unit = UNITS.get(state.unit, state.unit[:20])
    if speak.language == "en" and unit.startswith("lít"):
        unit = state.unit
    return f"{digits(speak, state.actual)} {unit}".strip()


def cabinet(speak: Speaker, state: CabinetState | None) -> tuple[str, ...]:
    """Door, mains, power, energy."""
    if state is None:
        return ()
    facts = []
    if state.door_open is not None:
        facts.append(speak.t("cabinet.door_open" if state.door_open else "cabinet.door_closed"))
    if state.supply is not None:
        facts.append(speak.t("cabinet.supply" if state.supply else "cabinet.no_supply"))
    if state.power_w is not None:
        facts.append(f"{digits(speak, state.power_w)} W")
    if state.energy_kwh is not None:
        facts.append(energy(speak, state.energy_kwh, state.energy_by))
    if state.supply_losses:
        facts.append(speak.t("cabinet.losses", count=state.supply_losses))
    return tuple(facts)


def rule(speak: Speaker, state: RuleState | None) -> str:
    """Whether it acts, and its last decision."""
    return "" if state is None else said(speak, state.said) or speak.t(f"rules.{state.actual}")
