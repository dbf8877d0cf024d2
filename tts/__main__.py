"""Command line: `python -m tts "Xin chào bà con" out.wav`."""

import argparse
import sys
from pathlib import Path

from tts.api import say
from tts.errors import SpeechError
from tts.model import EspeakSettings, VoiceSettings


def main(argv: list[str] | None = None) -> int:
    """Speak a text into a WAV file; return the exit code, 1 when there is no speech."""
    parser = argparse.ArgumentParser(prog="python -m tts", description="Speak a text into a WAV file.")
    parser.add_argument("text", help="what to say; - reads it from standard input")
    parser.add_argument("out", type=Path, help="WAV file to write")
    parser.add_argument("--offline", action="store_true", help="espeak-ng only: nothing is sent to Google")
    parser.add_argument("--cache", type=Path, help="folder in which to keep finished speech")
    wanted = parser.parse_args(argv)
    chain = {"chain": (EspeakSettings(),)} if wanted.offline else {}
    text = sys.stdin.read() if wanted.text == "-" else wanted.text
    try:
        made = say(text, wanted.out, VoiceSettings(cache_dir=wanted.cache, **chain))
    except (SpeechError, OSError) as error:
        print(f"no speech: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1
    for attempt in made.tried:
        print(f"{attempt.engine}: {attempt.code}, {attempt.detail}", file=sys.stderr)  # noqa: T201
    print(f"{wanted.out}: {made.seconds:.1f} s by {made.engine} ({made.voice})\n{made.spoken}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
