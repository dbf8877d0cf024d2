"""The test sound: played by the agent, measured by its listening process, judged here for the installer."""

from collections.abc import Mapping
from typing import Any

from drivers import registry
from drivers.contract import DriverFault
from edge_agent import calibration
from edge_agent.acceptance.found import Found, joined, told
from edge_agent.config.model import Driver, NodeConfig, Speaker
from edge_agent.local.client import LocalAgent

LATE_MS = 250.0
"""Later than this nobody stands 2 m before the horn: a card, an amplifier or the cable delays it."""
_PLAY_LIMIT_S = 300.0
_CLEAR_DB = 6.0
_BELOW_DB = 20.0
_SPEECH_HZ = (630, 2500)
"""A horn that does not send all of this is hard to understand."""


def hear(agent: LocalAgent, config: NodeConfig, speaker: Speaker, by: str) -> Found:
    """Play, measure, keep the calibration. Raises AgentAway, Refusal."""
    if speaker.microphone is None:
        agent.ask("sound", _PLAY_LIMIT_S, speaker=speaker.id)
        return Found(None, told("accept.no_microphone"))
    args = {"do": "speaker.test", "speaker": speaker.id, "calibrate": True}
    report = agent.ask("command", _PLAY_LIMIT_S, args=args, by=by)
    response = report["response"]
    bands, noise = _numbered(response["bands"]), _numbered(response["noise"])
    if report["verdict"] == "deaf":
        return Found(False, told("accept.silent"), "accept.silent", bands=bands, noise=noise)
    found = _judged(agent, config, speaker, response, bands)
    return Found(found.good, found.words, found.code, found.figures, bands=bands, noise=noise)


def _judged(
    agent: LocalAgent, config: NodeConfig, speaker: Speaker, response: Mapping[str, Any], bands: Mapping[int, float]
) -> Found:
    delay_ms = round(float(response["delay_s"]) * 1000, 1)
    level = round(float(response["level_db"]), 1)
    low, high = _sent(bands, _numbered(response["noise"]))
    figures = {"level_db": level, "delay_ms": delay_ms, "low_hz": float(low), "high_hz": float(high)}
    words = told("accept.heard", level=level, delay=delay_ms, low=low, high=high)
    if low > _SPEECH_HZ[0] or high < _SPEECH_HZ[1]:
        return Found(False, joined(words, told("accept.narrow")), "accept.narrow", figures)
    driver = next(each for each in config.drivers if each.id == speaker.driver)
    if not _has_latency(driver):
        agent.ask("calibrate", driver=driver.id, figures={"gain_db": level, "delay_ms": delay_ms})
        late = abs(delay_ms) > LATE_MS
        said = joined(words, told("accept.late", most=LATE_MS)) if late else words
        return Found(not late, said, "accept.late" if late else None, figures)
    kept = _latency_now(config, driver) + delay_ms
    if abs(kept) > calibration.MOST_MS:
        return Found(False, joined(words, told("accept.late", most=calibration.MOST_MS)), "accept.late", figures)
    agent.ask("calibrate", 60.0, driver=driver.id, figures={"gain_db": level, calibration.LATENCY: round(kept, 1)})
    named = driver.settings().get(calibration.LATENCY)
    note = told("accept.latency_named", named=float(named)) if named else told("accept.latency_kept", ms=kept)
    return Found(True, joined(words, note), None, {**figures, calibration.LATENCY: round(kept, 1)})


def _sent(bands: Mapping[int, float], noise: Mapping[int, float]) -> tuple[int, int]:
    """The lowest and the highest third octave that came back, Hz; 0 and 0 where none did."""
    loudest = max(bands.values())
    clear = [hz for hz, db in bands.items() if db - noise[hz] >= _CLEAR_DB and db >= loudest - _BELOW_DB]
    return (min(clear), max(clear)) if clear else (0, 0)


def _has_latency(driver: Driver) -> bool:
    try:
        return calibration.LATENCY in registry.load(driver.driver).Config.model_fields
    except DriverFault:
        return False


def _latency_now(config: NodeConfig, driver: Driver) -> float:
    """What the driver makes up for already."""
    folder = config.storage.path / "drivers" / driver.id
    settings = calibration.applied(driver.settings(), registry.load(driver.driver).Config, folder)
    return float(settings.get(calibration.LATENCY) or 0.0)


def _numbered(plain: Mapping[Any, Any]) -> dict[int, float]:
    """JSON has texts for keys."""
    return {int(hz): float(level) for hz, level in plain.items()}
