"""`edge-agent live`."""

import asyncio
import getpass
import signal
import sys
from pathlib import Path
from typing import Any

import click

from edge_agent.cli.access import HUB, access
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.client import Access, Client
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import EVERYBODY, NODE_ADDRESS
from edge_agent.live.broadcaster import Broadcaster, Progress, Source, Told, Wishes
from edge_agent.words import explain, say

_BARS = 30
_FLOOR_DB = -60.0


@click.command("live")
@click.argument("node")
@click.option("--microphone", metavar="DEVICE", help="Part of the input's name; the default input when left out.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A sound file instead of the microphone, as if somebody spoke it now.",
)
@click.option("--title", default="", help="What it is, for the log of what was aired.")
@click.option(
    "--class",
    "class_",
    type=click.Choice(["ordinary", "priority", "emergency"]),
    default="priority",
    show_default=True,
    help="What it may interrupt.",
)
@click.option("--authority", default="commune", show_default=True, help="Whose word it is.")
@click.option("--speaker", help="Id of the loudspeaker; the node's first when left out.")
@click.option("--volume", type=click.FloatRange(0, 100), default=100, show_default=True, help="Per cent.")
@click.option(
    "--latency",
    type=click.IntRange(100, 5000),
    default=450,
    show_default=True,
    help="Milliseconds from the mouth to the horn; more for a network that is slow or loses much.",
)
@click.option(
    "--seconds", type=click.FloatRange(1, 4 * 3600), default=1800, show_default=True, help="End by itself after this."
)
@click.option(
    "--lead",
    type=click.FloatRange(0.5, 30),
    default=3.0,
    show_default=True,
    help="Seconds before the first word in which nodes and amplifiers get ready.",
)
@click.option("--session", help="The session that a bulletin's live segment waits for.")
@click.option("--as-it-is", is_flag=True, help="Do not bring the voice to the usual level.")
@HUB
@AS_JSON
def command(node: str, hub: Path | None, as_json: bool, **told: Any) -> None:
    """Speak now, by a microphone or a sound file, on NODE (its name, commune/name, or `all`).

    All nodes are in step. Ends with Ctrl-C, with the file, or after --seconds; with 0 when every node has played it.
    """
    if not NODE_ADDRESS.match(node):
        fail(say("send.bad_node", node=node), BAD_INPUT)
    source = Source(told["microphone"], told["file"], level=not told["as_it_is"])
    wishes = Wishes(
        title=told["title"],
        class_=told["class_"],
        authority=told["authority"],
        speaker=told["speaker"],
        volume=told["volume"],
        latency_ms=told["latency"],
        seconds=told["seconds"],
        lead_s=told["lead"],
        session=told["session"],
    )
    if told["session"] is not None and not NODE_ADDRESS.match(told["session"]):
        fail(say("send.bad_argument", argument=told["session"]), BAD_INPUT)
    try:
        raise click.exceptions.Exit(asyncio.run(_live(access(hub), node, source, wishes, as_json)))
    except Refusal as refusal:
        if as_json:
            show_json({"error": refusal.fault.model_dump(mode="json")})
        fail(explain(refusal.fault))


async def _live(reach: Access, node: str, source: Source, wishes: Wishes, as_json: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Client(reach, reach.signer()) as client:
        topics = await client.find(node)
        expected = 1
        if topics.node == EVERYBODY:
            expected = len(await client.online(topics.commune))
        show = _Meter(quiet=as_json)
        speaker = Broadcaster(client, topics, getpass.getuser(), show.show)
        told = await speaker.speak(source, wishes, stop, expected)
    show.end()
    if as_json:
        show_json(_summary(told))
    else:
        _tell(told)
    good = len(told.acks) >= expected and all(ack.state == "done" for ack in told.acks.values())
    return 0 if good else 1


def _summary(told: Told) -> dict[str, Any]:
    return {
        "session": told.session,
        "epoch": told.epoch.isoformat(timespec="microseconds"),
        "seconds": round(told.seconds, 2),
        "messages": told.messages,
        "bytes": told.bytes,
        "clock_s": round(told.clock_s, 3),
        "nodes": {name: ack.model_dump(mode="json", exclude_none=True) for name, ack in told.acks.items()},
    }


def _tell(told: Told) -> None:
    click.echo(say("live.told", seconds=round(told.seconds, 1), kilobytes=round(told.bytes / 1000)))
    if told.clock_s:
        click.echo(say("live.other_clock", seconds=round(told.clock_s, 1)))
    for name, ack in sorted(told.acks.items()):
        reason = explain(ack.fault) if ack.fault else ""
        click.echo(f"{name}: " + say(f"send.{ack.state}", reason=reason), err=ack.state in ("failed", "rejected"))
    if not told.acks:
        click.echo(say("live.nobody"), err=True)


class _Meter:
    """Level and progress, on one line of a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._line = not quiet and sys.stderr.isatty()
        self._state = ""

    def show(self, progress: Progress) -> None:
        """One more step."""
        if self._quiet:
            return
        if progress.state != self._state:
            self._state = progress.state
            click.echo(say(f"live.{progress.state}", device=progress.device), err=True)
        if self._line and progress.state == "speaking":
            share = min(1.0, max(0.0, 1 - progress.level_dbfs / _FLOOR_DB))
            bar = "█" * round(_BARS * share)
            on_air = sum(state == "accepted" for state in progress.nodes.values())
            line = say("live.meter", seconds=f"{progress.seconds:7.1f}", bar=f"{bar:<{_BARS}}", nodes=on_air)
            click.echo(f"\r{line}", nl=False, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._line:
            click.echo("", err=True)
