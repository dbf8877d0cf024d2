"""The child that opens a stranger's picture: `python -m hub.residents.photo_child`, the file as its standard input.

On standard output comes a new JPEG of at most `EDGE` pixels, made of nothing but the pixels: where and when the
picture was taken, and by which phone, does not come along. Exit code 2: not a picture; 3: one that is too large.
"""

import io
import sys
from typing import BinaryIO

from hub.documents.child import confine

EDGE = 1280
MOST_PIXELS = 64_000_000
KINDS = ("JPEG", "PNG", "WEBP")
MEMORY = 900 * 1024 * 1024
CPU_S = 15
NO_PICTURE, TOO_LARGE = 2, 3


def made(file: BinaryIO) -> bytes:
    """The new picture. Raises OSError, ValueError, SyntaxError for what is none; OverflowError for a huge one."""
    from PIL import Image, ImageOps

    with Image.open(file, formats=KINDS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise OverflowError
        picture.draft("RGB", (2 * EDGE, 2 * EDGE))  # a JPEG is not unpacked larger than needed
        picture.thumbnail((2 * EDGE, 2 * EDGE))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((EDGE, EDGE))
        flat = Image.new("RGB", upright.size, "white")
        alpha = upright.convert("RGBA")
        flat.paste(alpha, mask=alpha.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=80, optimize=True)
    return out.getvalue()


def main() -> None:
    """Read standard input, write standard output."""
    import PIL.Image
    import PIL.ImageOps
    import PIL.JpegImagePlugin
    import PIL.PngImagePlugin
    import PIL.WebPImagePlugin

    PIL.Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    confine(MEMORY, CPU_S)
    try:
        picture = made(sys.stdin.buffer)
    except (OverflowError, MemoryError, PIL.Image.DecompressionBombError):
        sys.exit(TOO_LARGE)
    except Exception:  # noqa: BLE001 - decoders raise whatever they like at a hostile file
        sys.exit(NO_PICTURE)
    sys.stdout.buffer.write(picture)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
