"""Makes a stranger's picture ours: `python -m hub.nodes.picture_child` with the picture as its standard input.

Standard output: its width and height in a line, then a JPEG of at most 1600 pixels a side, without what cameras write
into pictures (places, names). Exit status 3 where it is no picture.
"""

import io
import sys

from hub.documents.child import confine

SIDE = 1600
PIXELS = 60_000_000
MEMORY = 640 * 1024 * 1024
KINDS = ("JPEG", "PNG", "WEBP")
NO_PICTURE = 3


def main() -> int:
    """Convert."""
    from PIL import Image, ImageOps

    confine(MEMORY, 15)
    Image.MAX_IMAGE_PIXELS = PIXELS
    try:
        with Image.open(sys.stdin.buffer, formats=KINDS) as opened:
            if opened.width * opened.height > PIXELS:
                return NO_PICTURE
            opened.draft("RGB", (SIDE, SIDE))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        picture.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return NO_PICTURE
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=82, optimize=True)
    sys.stdout.buffer.write(f"{picture.width} {picture.height}\n".encode())
    sys.stdout.buffer.write(made.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
