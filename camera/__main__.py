"""Try a camera from the prompt: `python -m camera URL [--seconds N] [--record DIR] [--snapshot FILE]`.

The password is asked for, or taken from the first line of standard input when that is no terminal: an argument would
show it to everybody on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from pathlib import Path

from pydantic import SecretStr, ValidationError

from camera.client import Camera
from camera.model import CameraConfig, CameraFault, CameraStatus


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m camera", description="Watch, record or photograph with a camera.")
    parser.add_argument("url", help="rtsp://host[:port]/path or clip:///absolute/path.mp4")
    parser.add_argument("--username", help="account on the camera; the password is asked for")
    parser.add_argument("--transport", choices=["auto", "tcp", "udp"], default="auto")
    parser.add_argument("--timeout", type=float, default=2, help="seconds of silence that count as a fault")
    parser.add_argument("--seconds", type=float, default=10, help="how long to watch")
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep a recording under this folder")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="save one picture as JPEG")
    return parser.parse_args()


def _password(username: str | None) -> SecretStr | None:
    if username is None:
        return None
    if sys.stdin.isatty():
        return SecretStr(getpass.getpass(f"Password of {username}: "))
    return SecretStr(sys.stdin.readline().rstrip("\n"))


def _show(status: CameraStatus) -> None:
    parts = [f"{status.state:9}"]
    video = status.main
    if video.width:
        parts.append(f"{video.codec} {video.width}x{video.height} {video.fps or 0:.1f}/s")
    if status.recording or status.bytes_recorded:
        parts.append(f"recorded {status.bytes_recorded / 1e6:.2f} MB")
    if status.code:
        parts.append(f"{status.code}: {status.detail}")
    sys.stdout.write("  ".join(parts) + "\n")
    sys.stdout.flush()


async def _watch(config: CameraConfig, seconds: float, picture: Path | None, folder: Path | None) -> int:
    """Return 0 when the camera streams at the end and the picture, if asked for, was saved."""
    good = True
    async with Camera(config, _show, folder) as camera:
        if picture is not None:
            try:
                snapshot = await camera.snapshot(timeout_s=config.timeout_s + 10)
                await asyncio.to_thread(picture.write_bytes, snapshot.jpeg)
                sys.stdout.write(f"saved {picture}, {snapshot.width}x{snapshot.height}, taken {snapshot.at}\n")
            except (CameraFault, OSError) as error:
                sys.stderr.write(f"no picture: {error}\n")
                good = False
        await asyncio.sleep(seconds)
        good = good and camera.status.state == "streaming"
    return 0 if good else 1


def main() -> int:
    """Run the command line; returns the exit code."""
    args = _parse()
    try:
        config = CameraConfig(
            id="prompt",
            url=args.url,
            username=args.username,
            password=_password(args.username),
            transport=args.transport,
            timeout_s=args.timeout,
            record=args.record is not None,
        )
    except ValidationError as error:
        sys.stderr.write("\n".join(entry["msg"] for entry in error.errors()) + "\n")
        return 2
    return asyncio.run(_watch(config, args.seconds, args.snapshot, args.record))


if __name__ == "__main__":
    sys.exit(main())
