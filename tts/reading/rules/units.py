"""Units that stand alone: "tính bằng m2", "10 nghìn ha"."""

import re

from tts.reading.scene import LATIN, Answer, Rule, Scene
from tts.reading.units import SCALES, unit_words

_ALONE = re.compile(rf"(?:(?:mm|cm|dm|km|m)[²³23]|kg|km|cm|mm|ml|mg|kWh|kW|kV|MW|Kg|Km|KG|µg|mmHg)(?!{LATIN}|\d)")
_ANY_CASE = re.compile(rf"(?i:kg|km|cm|mm|ml|mg|kwh|kw|kv)(?!{LATIN}|\d)")
_AFTER_SCALE = re.compile(r"(?:(?i:ha)|m|g|l|đ|h|USD|VNĐ|VND)(?![A-Za-zÀ-ɏḀ-ỿ0-9])")


def _alone(scene: Scene, match: re.Match[str]) -> Answer:
    del scene
    return unit_words(match[0])


def _any_case(scene: Scene, match: re.Match[str]) -> Answer:
    del scene
    return None if match[0].isupper() else unit_words(match[0].lower())


def _after_scale(scene: Scene, match: re.Match[str]) -> Answer:
    words = scene.said_before(match.start())
    if not words or words[-1] not in SCALES or words[-2:] == ["phần", "trăm"]:
        return None
    return {"đ": "đồng", "USD": "đô la mỹ", "VNĐ": "đồng", "VND": "đồng"}.get(match[0]) or unit_words(match[0].lower())


RULES = (
    Rule("unit.alone", _ALONE, _alone),
    Rule("unit.alone", _ANY_CASE, _any_case),
    Rule("unit.alone", _AFTER_SCALE, _after_scale),
)
