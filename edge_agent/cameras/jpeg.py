"""The size of a JPEG, without decoding it."""


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height in pixels by its frame header (SOF, ITU-T T.81 B.2.2); (0, 0) where there is none."""
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(jpeg[at + 7 : at + 9]), int.from_bytes(jpeg[at + 5 : at + 7])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return 0, 0
