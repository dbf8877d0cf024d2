"""What the hub's media store takes, told by how a file begins."""

SUFFIXES = {
    "image/jpeg": ".jpg",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
}


def media_type(head: bytes, said: str = "") -> str | None:
    """What the first 12 bytes say; None for anything but JPEG, the sounds that nodes can play, and MP4.

    A film and a sound in MP4 begin alike: of these, what the sender says (`Content-Type`) tells.
    """
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] in {b"fLaC", b"OggS"}:
        return "audio/flac" if head[:1] == b"f" else "audio/ogg"
    if head[4:8] == b"ftyp":
        return "video/mp4" if said.partition(";")[0].strip().lower() == "video/mp4" else "audio/mp4"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):  # MPEG audio, layer III
        return "audio/mpeg"
    return None
