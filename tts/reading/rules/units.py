"""Units that stand alone: "tính bằng m2", "10 nghìn ha"."""

import re

from tts.reading.scene import Answer, Rule, Scene
from tts.reading.units import SCALES, unit_words

_ALONE = re.compile(r"(?:(?:mm|cm|dm|km|m)[²³23]|kg|km|cm|mm|ml|mg|kWh|kW|kV|MW|Kg|Km|KG|µg|mmHg)(?![^\W_])")
_AFTER_SCALE = re.compile(r"(?:ha|m|g|l|đ|h|USD|VNĐ|VND)(?![^\W_])")


def _alone(scene: Scene, match: re.Match[str]) -> Answer:
    del scene
    return unit_words(match[0])


def _after_scale(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] not in SCALES:
        return None
    return {"đ": "đồng", "USD": "đô la mỹ", "VNĐ": "đồng", "VND": "đồng"}.get(match[0]) or unit_words(match[0])


RULES = (Rule("unit.alone", _ALONE, _alone), Rule("unit.alone", _AFTER_SCALE, _after_scale))
