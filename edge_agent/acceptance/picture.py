"""What came back of the test sound, drawn: a bar for each third octave, the noise below it."""

from collections.abc import Mapping
from html import escape

_WIDTH, _HEIGHT, _FOOT = 320, 150, 22
_LOWEST_DB, _HIGHEST_DB = -80.0, 20.0
_NAMED = (250, 1000, 4000)


def band_picture(bands: Mapping[int, float], noise: Mapping[int, float], label: str) -> str:
    """An SVG for a page without inline styles."""
    wide = _WIDTH / len(bands)
    bars = []
    for place, hz in enumerate(sorted(bands)):
        x = place * wide
        bars.append(_bar("heard", x + 1, wide - 2, bands[hz]))
        bars.append(_bar("noise", x + 1, wide - 2, noise[hz]))
        if hz in _NAMED:
            name = f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz"
            bars.append(f'<text x="{x + wide / 2:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{name}</text>')
    return (
        f'<svg class="bands" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(bars)}</svg>"
    )


def _bar(kind: str, x: float, width: float, level_db: float) -> str:
    part = (min(max(level_db, _LOWEST_DB), _HIGHEST_DB) - _LOWEST_DB) / (_HIGHEST_DB - _LOWEST_DB)
    height = part * (_HEIGHT - _FOOT)
    top = _HEIGHT - _FOOT - height
    return f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
