"""The colours of the disaster risk levels, as they are shipped: what stands on them can be read."""

import re
from pathlib import Path

import pytest

import hub

STATIC = Path(hub.__file__).parent / "static"
ENOUGH = 7.0
"""WCAG 2.2, contrast (enhanced)."""
HUES = {1: (180, 240), 2: (45, 70), 3: (20, 45), 4: (350, 10), 5: (260, 300)}
"""Degrees: light blue, light yellow, orange, red, violet (Decision 18/2021/QD-TTg)."""


def sheet(name: str) -> dict[str, dict[str, str]]:
    """Selector -> property -> value, of a style sheet; of rules for one selector the later wins."""
    text = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    for selectors, body in re.findall(r"([^{}]+){([^{}]*)}", text):
        pairs = (line.partition(":") for line in body.split(";") if ":" in line)
        rule = {name.strip(): value.strip() for name, _, value in pairs}
        for selector in selectors.split(","):
            found.setdefault(selector.strip(), {}).update(rule)
    return found


def red_green_blue(colour: str) -> tuple[float, float, float]:
    """`#abc` or `#aabbcc`, or a variable of the console's own sheet; each part 0..1."""
    if variable := re.fullmatch(r"var\((--[\w-]+)\)", colour):
        colour = sheet("console.css")[":root"][variable[1]]
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def luminance(colour: str) -> float:
    """Relative, by WCAG 2.2."""
    parts = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in red_green_blue(colour))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: str, other: str) -> float:
    """1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def hue(colour: str) -> float:
    """Degrees."""
    r, g, b = red_green_blue(colour)
    top, low = max(r, g, b), min(r, g, b)
    at = {r: (g - b) / (top - low), g: 2 + (b - r) / (top - low), b: 4 + (r - g) / (top - low)}[top]
    return at * 60 % 360


def test_contrast_is_counted_as_the_standard_has_it() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert [hue(c) for c in ("#f00", "#0f0", "#00f")] == [0, 120, 240]


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 5])
def test_the_words_of_a_level_can_be_read_on_its_colour(level: int) -> None:
    rules = sheet("cap.css")
    rule = rules[".cap-level"] | rules.get(f".cap-level.l{level}", {})
    assert contrast(rule["color"], rule["background"]) >= ENOUGH


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_level_has_the_colour_of_the_law(level: int) -> None:
    rules = sheet("cap.css")
    first, last = HUES[level]
    for colour in (rules[f".cap-level.l{level}"]["background"], rules[f".cap-card.l{level}"]["border-left-color"]):
        at = hue(colour)
        assert first <= at <= last if first < last else at >= first or at <= last


@pytest.mark.parametrize("state", ["", ".test", ".waiting", ".aired"])
def test_the_words_beside_a_level_can_be_read_too(state: str) -> None:
    rules = sheet("cap.css")
    rule = rules[".cap-state"] | rules.get(f".cap-state{state}", {})
    assert contrast(rule["color"], rule["background"]) >= ENOUGH


def test_what_stands_on_the_card_of_an_alert_can_be_read() -> None:
    rules = sheet("cap.css")
    card = rules[".cap-card"]
    for colour in (card["color"], "var(--soft)", "var(--good)", "var(--bad)"):
        assert contrast(colour, card["background"]) >= ENOUGH, colour
        assert contrast(colour, rules[".cap-card:hover"]["background"]) >= ENOUGH, colour
