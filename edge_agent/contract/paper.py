"""Letters for what is printed: the hub's reports and posters, and the labels of boxes."""

from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"
"""Files `FONTS/{name}.ttf`: Latin letters with all of Vietnamese."""
