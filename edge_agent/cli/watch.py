"""`edge-agent watch`."""

import asyncio
import json
from datetime import datetime
from pathlib import Path

import click

from edge_agent.cli.access import HUB, access
from edge_agent.cli.output import AS_JSON, fail
from edge_agent.client import Access, Client
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import parse
from edge_agent.link.wire import Incoming
from edge_agent.words import explain, say

_AGAIN_S = 2.0


@click.command("watch")
@click.argument("node", required=False)
@HUB
@click.option("--for", "seconds", type=float, help="End after so many seconds; default: never.")
@AS_JSON
def command(node: str | None, hub: Path | None, seconds: float | None, as_json: bool) -> None:
    """Show what nodes report as it happens: status, states, events, telemetry, answers.

    NODE limits it to one node. With --json each line is one message: {"topic", "retained", "body"}.
    """
    try:
        reach = access(hub)
        if not as_json:
            click.echo(say("watch.waiting", broker=reach.broker.url), err=True)
        asyncio.run(_watch(reach, node, seconds, as_json))
    except Refusal as refusal:
        fail(explain(refusal.fault))
    except KeyboardInterrupt:
        return


async def _watch(reach: Access, node: str | None, seconds: float | None, as_json: bool) -> None:
    """Watch until the end; when the broker goes away, say so once and try again until it is back."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds if seconds else None
    lost = False
    while True:
        try:
            if await _listen(reach, node, as_json, end, say_back=lost):
                return
            click.echo(say("watch.lost"), err=True)
        except Refusal:
            if not lost:  # never connected: the address may be wrong
                raise
            if end is not None and clock() >= end:
                return
        lost = True
        await asyncio.sleep(_AGAIN_S)


async def _listen(reach: Access, node: str | None, as_json: bool, end: float | None, *, say_back: bool) -> bool:
    """Whether the end was reached, and not the broker lost."""
    clock = asyncio.get_running_loop().time
    async with Client(reach) as client:
        if say_back:
            click.echo(say("watch.back"), err=True)
        client.listen([f"edge/+/{node or '+'}/#"], _print_json if as_json else _print_line)
        while end is None or clock() < end:
            await asyncio.sleep(0.2)
            if client.lost:
                return False
    return True


def _print_json(message: Incoming) -> None:
    try:
        body = json.loads(message.body)
    except ValueError:
        body = None
    line = {"topic": message.topic, "retained": message.retained, "body": body}
    click.echo(json.dumps(line, ensure_ascii=False))


def _print_line(message: Incoming) -> None:
    parsed = parse(message.topic)
    if parsed is None or parsed.channel == "cmd":
        return
    try:
        body = json.loads(message.body) if message.body else {}
    except ValueError:
        return
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    what = f"{parsed.channel}/{parsed.kind}/{parsed.thing}" if parsed.kind else parsed.channel
    click.echo(f"{now} {click.style(parsed.node, bold=True):20} {what:28} {_short(body)}")


def _short(body: dict[str, object]) -> str:
    hidden = {"node", "session", "id", "kind", "at"}
    shown = {key: value for key, value in body.items() if key not in hidden}
    return json.dumps(shown, ensure_ascii=False)[:400]
