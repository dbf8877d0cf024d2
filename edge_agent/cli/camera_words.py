"""What `edge-agent cameras` prints: cameras as they describe themselves, streams as they were opened."""

from dataclasses import asdict
from typing import Any

import click

from camera.model import CameraFault
from camera.onvif.model import Answer, DeviceInfo
from edge_agent.cli.camera_look import CLOCK_WRONG_S, LONG_GOP_S, Opened
from edge_agent.words import figure, say


def tell_device(info: DeviceInfo) -> None:
    """A camera and its streams, as it describes them."""
    click.echo(f"    {' '.join(part for part in (info.maker, info.model, info.firmware) if part)}")
    if info.clock_error is None:
        click.echo(f"    {say('cameras.clock_unknown')}")
    else:
        _tell_clock(info.clock_error.total_seconds())
    for profile in info.profiles:
        size = f"{profile.width}x{profile.height}" if profile.pixels else "?"
        words = (profile.codec or "?", size, f"{figure(profile.fps or 0)} fps", f"{figure(profile.kbit_s or 0)} kbit/s")
        click.echo(f"    {profile.name:12} {' '.join(words)}  {profile.url or say('cameras.no_address')}")


def tell_stream(each: Opened) -> None:
    """A stream that was opened, and what to set otherwise."""
    click.echo(f"{say(f'cameras.{each.stream}')}: {each.url}")
    if not each.ok:
        click.echo(f"    {say(each.code or '', detail=each.detail)}")
        return
    figures = {name: _shown(value) for name, value in asdict(each).items()}
    click.echo(f"    {say('cameras.stream', **figures)}")
    if each.browsers:
        click.echo(f"    {say(f'cameras.browsers_{each.browsers}')}")
    if each.gop_s and each.gop_s > LONG_GOP_S:
        click.echo(f"    {say('cameras.long_gop', seconds=figure(each.gop_s))}")
    if each.clock_error_s is not None:
        _tell_clock(each.clock_error_s)


def _tell_clock(seconds: float) -> None:
    wrong = abs(seconds) > CLOCK_WRONG_S
    click.echo(f"    {say('cameras.clock_wrong' if wrong else 'cameras.clock', seconds=figure(round(seconds, 1)))}")


def _shown(value: str | float | None) -> str:
    return "?" if value is None else figure(value) if isinstance(value, float) else str(value)


def found_json(answer: Answer, info: DeviceInfo | CameraFault | None) -> dict[str, Any]:
    """A camera that was found, for programs."""
    if isinstance(info, CameraFault):
        return {**asdict(answer), "fault": {"code": info.code, "detail": info.detail}}
    return {**asdict(answer), **({"device": device_json(info)} if info else {})}


def device_json(info: DeviceInfo) -> dict[str, Any]:
    """What a camera says of itself, for programs."""
    error = None if info.clock_error is None else round(info.clock_error.total_seconds(), 1)
    told = {name: value for name, value in asdict(info).items() if name != "clock_error"}
    return {**told, "clock_error_s": error}
