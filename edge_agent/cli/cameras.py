"""`edge-agent cameras`: find cameras, try them, look through them, and get the block for the configuration."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from pydantic_core import PydanticCustomError

from camera.model import CameraFault
from camera.onvif.device import Device
from camera.onvif.discovery import PORT, discover
from camera.onvif.model import Answer, DeviceInfo
from edge_agent.cli import camera_look as look
from edge_agent.cli.camera_block import block
from edge_agent.cli.camera_look import Account, Addresses, Opened
from edge_agent.cli.camera_words import device_json, found_json, tell_device, tell_stream
from edge_agent.cli.common import load_or_fail
from edge_agent.cli.half_blocks import drawn, true_colour
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.config.cameras import check_address
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.config.section import Secret
from edge_agent.words import figure, say

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])
_AT_ONCE = 4


def _account(command: Command) -> Command:
    """Options for who we are. The password itself is never an argument: those can be read by every process."""
    for option in (
        click.option("--password-env", metavar="NAME", help="Environment variable that holds the password."),
        click.option(
            "--password-file", type=click.Path(path_type=Path, dir_okay=False), help="File that holds the password."
        ),
        click.option("--user", metavar="NAME", help="Account on the camera; its password is asked for."),
    ):
        command = option(command)
    return command


def _camera(command: Command) -> Command:
    for option in (
        click.option("--sub", metavar="URL", help="Its small stream."),
        click.option(
            "--config", "config_file", type=click.Path(path_type=Path, dir_okay=False),
            help="Configuration of the node: TARGET is then the id of one of its cameras.",
        ),
        click.argument("target"),
    ):  # fmt: skip
        command = option(command)
    return _account(command)


@click.group("cameras")
def command() -> None:
    """Find cameras by ONVIF, try them, look through them, and get the block for the configuration.

    TARGET is an rtsp:// address, the address of an ONVIF device (a host, host:port, http://...), or with --config the
    id of a camera in a node's configuration.
    """


@command.command("find")
@click.option("--wait", default=3.0, show_default=True, type=click.FloatRange(0.2, 60), help="Seconds to listen.")
@click.option("--at", multiple=True, metavar="HOST[:PORT]", help="Ask this address instead of the whole network.")
@_account
@AS_JSON
def find_command(wait: float, at: tuple[str, ...], as_json: bool, **who: Any) -> None:
    """Search the network for ONVIF cameras. With --user each is asked for its streams and its clock."""
    account = _who(who)
    found = _run(discover(wait, [_host_port(each) for each in at]))
    told = _run(_looked_into(found, account)) if account.username else [None] * len(found)
    if as_json:
        show_json([found_json(answer, info) for answer, info in zip(found, told, strict=True)])
        return
    for answer, info in zip(found, told, strict=True):
        words = " · ".join(part for part in (answer.name, answer.hardware, answer.location) if part)
        click.echo(f"{answer.host:15}  {answer.address}  {words}".rstrip())
        if isinstance(info, CameraFault):
            click.echo(f"    {say(info.code, detail=info.detail)}")
        elif info is not None:
            tell_device(info)
    click.echo(say("cameras.found", count=len(found)) if found else say("cameras.none"))


@command.command("test")
@_camera
@click.option("--seconds", default=12.0, show_default=True, type=click.FloatRange(3, 120), help="At most, each stream.")
@AS_JSON
def test_command(target: str, seconds: float, as_json: bool, **more: Any) -> None:
    """Open the main and the small stream of TARGET, and say what they are like. Exit 1 when one does not come."""
    found, account = _found(target, more)
    opened = _run(_opened(found, account, seconds))
    if as_json:
        device = {"device": device_json(found.device)} if found.device else {}
        show_json({**device, "streams": [each.as_json() for each in opened]})
    else:
        if found.device:
            tell_device(found.device)
        for each in opened:
            tell_stream(each)
    if not all(each.ok for each in opened):
        raise click.exceptions.Exit(1)


@command.command("preview")
@_camera
@click.option("--width", type=click.IntRange(16, 400), help="Columns; by default as many as the terminal has.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also keep the picture, a JPEG.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 60), help="To wait at most.")
def preview_command(target: str, width: int | None, out: Path | None, seconds: float, **more: Any) -> None:
    """Show a picture of TARGET in the terminal: of its small stream, where it has one."""
    found, account = _found(target, more)
    try:
        config = look.stream_config(found, found.sub_url or found.url, account)
    except CameraFault as fault:
        _fail(fault)
    shot = _run(look.picture(config, seconds))
    columns = width or min(shutil.get_terminal_size().columns, 120)
    click.echo(drawn(shot.jpeg, columns, many_colours=true_colour()), color=True)
    click.echo(say("cameras.picture", width=shot.width, height=shot.height))
    if out is not None:
        try:
            out.write_bytes(shot.jpeg)
        except OSError as error:
            fail(say("cameras.not_kept", path=out, detail=error.strerror))


@command.command("config")
@click.option("--id", "id_", default="camera-1", show_default=True, help="Short name: small letters, digits, hyphens.")
@click.option("--name", help="As people call it; by default as the camera does.")
@_camera
@AS_JSON
def config_command(target: str, id_: str, name: str | None, as_json: bool, **more: Any) -> None:
    """Print the block for the node's configuration, to be pasted."""
    found, account = _found(target, more)
    secret = {key: more[f"password_{key}"] for key in ("env", "file") if more[f"password_{key}"]}
    entry = block(found, account, id_, name, secret)
    show_json(entry.data) if as_json else click.echo(entry.text)


@command.command("clock")
@_account
@click.option("--set", "set_it", is_flag=True, help="Set it to the time of this machine.")
@click.argument("target")
@AS_JSON
def clock_command(target: str, set_it: bool, as_json: bool, **who: Any) -> None:
    """Say how wrong the clock of an ONVIF device is, or set it."""
    error = _run(_clock(target, _who(who), set_it))
    seconds = None if error is None else round(error, 1)
    if as_json:
        show_json({"clock_error_s": seconds, "set": set_it})
    else:
        click.echo(say("cameras.clock_unknown") if seconds is None else say("cameras.clock", seconds=figure(seconds)))


def _found(target: str, more: dict[str, Any]) -> tuple[Addresses, Account]:
    """The streams that are meant, and who we are to them; ends with a sentence where that is not clear."""
    if more["config_file"] is None:
        account = _who(more)
        for address in (target, more["sub"]):
            _check_address(address)
        hint = "" if {".", ":", "/"} & set(target) else say("cameras.need_config", id=target)
        return _run(look.addresses(target, account, more["sub"]), hint), account
    entries = {entry.id: entry for entry in load_or_fail(more["config_file"]).cameras}
    if target not in entries:
        fail(say("cameras.unknown", id=target, known=", ".join(entries) or "-"), BAD_INPUT)
    try:
        return look.configured(entries[target]), Account()
    except CameraFault as fault:
        _fail(fault)


def _check_address(address: str | None) -> None:
    """An address that was typed is judged in the words of `edge-agent check`."""
    if address is None or not address.startswith(look.STREAMS):
        return
    try:
        check_address(address)
    except PydanticCustomError as error:
        secret = error.type == "config.camera_secret"
        fail(say("cameras.secret" if secret else error.type, key="TARGET"), BAD_INPUT)


def _who(given: dict[str, Any]) -> Account:
    user, file, env = given["user"], given["password_file"], given["password_env"]
    if (file or env) and not user:
        raise click.UsageError("--password-file and --password-env need --user")
    if user is None:
        return Account()
    if file is None and env is None:
        return Account(user, click.prompt(say("cameras.password", user=user), hide_input=True, err=True))
    if file and env:
        raise click.UsageError("give either --password-file or --password-env")
    try:
        return Account(user, reveal(Secret(file=file, env=env)))
    except SecretFault as fault:
        fail(str(fault))


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(PORT))
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.UsageError(f"--at {text!r}: HOST or HOST:PORT")
    return host, int(port)


async def _looked_into(found: list[Answer], account: Account) -> list[DeviceInfo | CameraFault | None]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(answer: Answer) -> DeviceInfo | CameraFault:
        try:
            async with gate, Device(answer.address, account.username, account.password) as device:
                return await device.look()
        except CameraFault as fault:
            return fault

    return list(await asyncio.gather(*(one(answer) for answer in found)))


async def _opened(found: Addresses, account: Account, seconds: float) -> list[Opened]:
    async def one(stream: Any, url: str) -> Opened:
        return await look.open_stream(stream, look.stream_config(found, url, account), seconds)

    streams = [one("main", found.url), *([one("sub", found.sub_url)] if found.sub_url else [])]
    return list(await asyncio.gather(*streams))


async def _clock(target: str, account: Account, set_it: bool) -> float | None:
    async with Device(target, account.username, account.password) as device:
        error = await (device.set_clock() if set_it else device.clock_error())
    return None if error is None else error.total_seconds()


def _run(work: Coroutine[Any, Any, T], hint: str = "") -> T:
    try:
        return asyncio.run(work)
    except CameraFault as fault:
        _fail(fault, hint)
    except OSError:
        fail(f"{say('camera.unreachable')} {hint}".rstrip())


def _fail(fault: CameraFault, hint: str = "") -> NoReturn:
    fail(f"{say(fault.code, detail=fault.detail)} {hint}".rstrip())
