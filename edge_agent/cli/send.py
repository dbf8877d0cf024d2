"""`edge-agent send`."""

import asyncio
import getpass
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from edge_agent.cli.access import HUB, access
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.client import Access, Client
from edge_agent.config.problems import guess
from edge_agent.contract import invalid
from edge_agent.contract.commands import KINDS, Ack
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.sentences import spelled
from edge_agent.contract.topics import EVERYBODY, NODE_ADDRESS
from edge_agent.words import explain, instant_words, language, say

_LIFE_S, _EMERGENCY_LIFE_S = 300, 3600
_FOR_PROGRAMS = frozenset({"planned_us", "started_us", "params", "sha256", "voice_sha256", "code", "item", "text"})
"""Of the results, what says nothing to a person; --json has it all."""


class _Do(click.Choice[str]):
    """The name of a command; another is told in the language spoken, with the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in KINDS:
            meant = guess(str(value), KINDS) or next(iter(KINDS))
            self.fail(Fault.of("command.unknown", do=str(value)[:60], guess=meant).text(language()), param, ctx)
        return super().convert(value, param, ctx)


@click.command("send")
@click.argument("node")
@click.argument("do", type=_Do(list(KINDS)), metavar="DO")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@HUB
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the last answer.",
)
@click.option(
    "--life",
    type=click.IntRange(1, 31 * 86400),
    help="Seconds for which the command stays valid: 300, and 3600 for an emergency, which is repeated as long.",
)
@AS_JSON
def command(
    node: str, do: str, arguments: tuple[str, ...], hub: Path | None, timeout: float, life: int | None, as_json: bool
) -> None:
    """Send a command to NODE (its name, commune/name, or `all`) through the broker and wait for what becomes of it.

    \b
    DO is one of:
      switch.override thing=cong level=100 [until=2026-11-22T22:00:00+07:00 | seconds=1800] [amount=20]
      switch.release  thing=cong
      switch.reset    thing=bom-1
      rule.arm        rule=quat armed=true
      speak           text="Kính mời bà con ..." [volume=80] [class=emergency]
      speaker.stop    [speaker=loa]
      speaker.volume  volume=70 [speaker=loa]
      speaker.test    [speaker=loa] [calibrate=true]
      emergency.acknowledge [emergency=ID]
      bulletin.plan   bulletin='{"id":"sang","title":"...","text":"...","at":"2026-11-23T05:30:00+07:00"}'
      bulletin.cancel bulletin=sang
      bulletin.order  bulletins='["truoc","sau"]'
      camera.snapshot camera=cong-lang [at=2026-11-23T05:30:00+07:00]
      camera.recordings camera=cong-lang begin=2026-11-23T05:30:00+07:00 end=2026-11-23T06:00:00+07:00
      camera.clip     camera=cong-lang begin=2026-11-23T05:30:00+07:00 end=2026-11-23T06:00:00+07:00
      camera.keep     camera=cong-lang begin=2026-11-23T05:30:00+07:00 end=2026-11-23T06:00:00+07:00 [keep=false]
      node.examine
      outbox.resend   first=1 last=10
      outbox.confirm  through=10
      state.report

    Ends with 0 when the node says done, 1 when it failed, was refused or did not answer in time.
    """  # noqa: D301 - click wants the character itself
    if not NODE_ADDRESS.match(node):
        fail(say("send.bad_node", node=node), BAD_INPUT)
    try:
        args = {"do": do, **dict(_pair(argument) for argument in arguments)}
        KINDS[do].model_validate(args)
    except ValidationError as error:
        fail(Fault.of("command.invalid", **invalid.first(error)).text(language()), BAD_INPUT)
    if life is None:
        life = _EMERGENCY_LIFE_S if args.get("class") == "emergency" else _LIFE_S
    try:
        raise click.exceptions.Exit(asyncio.run(_send(access(hub), node, args, timeout, life, as_json)))
    except Refusal as refusal:
        fail(explain(refusal.fault))


def _pair(argument: str) -> tuple[str, Any]:
    name, separator, value = argument.partition("=")
    if not separator or not name:
        fail(say("send.bad_argument", argument=argument), BAD_INPUT)
    if value[:1] in "{[" or value in ("true", "false", "null") or value.replace(".", "", 1).isdigit():
        try:
            return name, json.loads(value)
        except ValueError:
            return name, value
    return name, value


async def _send(reach: Access, node: str, args: dict[str, Any], timeout_s: float, life: int, as_json: bool) -> int:
    async with Client(reach, reach.signer()) as client:
        topics = await client.find(node)
        asked, answers = await client.ask(topics, args, getpass.getuser(), timedelta(seconds=life))
        expected = {topics.node}
        if topics.node == EVERYBODY:  # only now: the command does not wait for it
            expected = {each.node for each in await client.online(topics.commune)}
        acks: dict[str, Ack] = {}
        try:
            async with asyncio.timeout(timeout_s):
                async for ack in answers:
                    acks[ack.node] = ack
                    if not as_json:
                        _show(ack, name_it=topics.node == EVERYBODY)
                    if all(name in acks and acks[name].state != "accepted" for name in expected):
                        break
        except TimeoutError:
            if not as_json:
                expires = instant_words(asked.expires)
                late = ", ".join(sorted(expected - {name for name, ack in acks.items() if ack.state != "accepted"}))
                click.echo(say("send.timeout", node=late, seconds=timeout_s, expires=expires), err=True)
    if as_json:
        told = [ack.model_dump(mode="json", exclude_none=True) for ack in acks.values()]
        show_json({"id": asked.id, "ack": told[0] if len(told) == 1 else None, "acks": told})
    good = bool(expected) and all(name in acks and acks[name].state == "done" for name in expected)
    return 0 if good else 1


def _show(ack: Ack, *, name_it: bool) -> None:
    reason = explain(ack.fault) if ack.fault else ""
    prefix = f"{ack.node}: " if name_it else ""
    click.echo(prefix + say(f"send.{ack.state}", reason=reason), err=ack.state in ("failed", "rejected"))
    for name, value in (ack.result or {}).items():
        if value is not None and name not in _FOR_PROGRAMS and not isinstance(value, (dict, list)):
            key = f"send.key.{name}"
            label = say(key)
            click.echo(f"    {name if label == key else label}: {_worded(name, value)}")


def _worded(name: str, value: Any) -> str:
    """A value with its unit, or the word that people have for it."""
    if name in ("wanted", "actual", "level") and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g} %"
    key = f"send.why.{value}"
    return say(key) if name == "why" and say(key) != key else _plain(value)


def _plain(value: Any) -> str:
    """A value of a result as a person reads it: instants in local time."""
    if isinstance(value, bool):
        return say("send.yes" if value else "send.no")
    return spelled(str(value), instant_words)
