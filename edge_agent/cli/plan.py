"""`edge-agent plan`."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from edge_agent.calendar import next_after
from edge_agent.cli.access import HUB, access
from edge_agent.cli.bulletins import DEFAULT_ZONE, load_drafts, show_untaken
from edge_agent.cli.drafts import Draft
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.cli.planning import Answers, Errand, Upload, upload
from edge_agent.cli.planshown import (
    bar,
    no_bar,
    outcome,
    show_answers,
    show_intent,
    show_problems,
    show_upload,
    sounds_of,
    untaken_json,
)
from edge_agent.client import Access, Client
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import NODE_ADDRESS
from edge_agent.media.upload import MediaStore
from edge_agent.words import explain, say


@click.command("plan")
@click.argument("node")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@HUB
@click.option("--url", help="The hub's address, where it is not this machine. Its token: EDGE_UPLOAD_TOKEN.")
@click.option("--check", "only_check", is_flag=True, help="Judge the file and tell what would be done; send nothing.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the answers to one bulletin.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait until the nodes have everything ready.",
)
@AS_JSON
def command(
    node: str,
    file: Path,
    hub: Path | None,
    url: str | None,
    only_check: bool,
    timeout: float,
    wait: float,
    as_json: bool,
) -> None:
    """Put the bulletins of FILE on the calendar of NODE (its name, commune/name, or `all`).

    FILE is a YAML or JSON file of bulletins, or an .ics file. Recordings that stand there as `file: name` (relative
    to FILE) are sent to the hub's media store first, once. A bulletin that is wrong stops none of the others. One that
    a node has already under its id is replaced.

    Ends with 0 when all are on all calendars, 1 when one was refused or not answered, 2 when one of FILE is wrong.
    """
    if not NODE_ADDRESS.match(node):
        fail(say("send.bad_node", node=node), BAD_INPUT)
    drafts, untaken = load_drafts(file)
    _judge(drafts, file)
    good = [draft for draft in drafts if draft.bulletin is not None]
    if not as_json:
        show_untaken(untaken, file)
        show_problems(drafts)
    uploads: dict[str, Upload] = {}
    told: list[Answers] = []
    try:
        if good and not only_check:
            reach = access(hub)
            uploads = upload(_store(reach, url), sounds_of(good), no_bar if as_json else bar)
            told = asyncio.run(_send(reach, node, good, uploads, timeout, wait))
    except Refusal as refusal:
        fail(explain(refusal.fault))
    if as_json:
        show_json(outcome(file, node, drafts, uploads, told, only_check) | {"untaken": untaken_json(untaken)})
    elif only_check:
        show_intent(good, node)
    else:
        for each in uploads.values():
            show_upload(each)
        for answers in told:
            show_answers(answers)
        taken = sum(each.taken for each in told)
        click.echo(say("plan.told", taken=taken, count=len(drafts), node=node))
    if not all(each.taken for each in told):
        raise click.exceptions.Exit(1)
    if len(good) < len(drafts) or not drafts:
        raise click.exceptions.Exit(BAD_INPUT)


def _judge(drafts: list[Draft], file: Path) -> None:
    """What no node would take: one id twice, and what is over."""
    lines: dict[str, int] = {}
    now, zone = datetime.now(UTC), ZoneInfo(DEFAULT_ZONE)
    for draft in drafts:
        if draft.bulletin is None:
            continue
        if draft.id in lines:
            draft.refuse(file, "id", "plan.twice", id=draft.id, first=lines[draft.id])
        elif next_after(draft.bulletin, now, zone) is None:
            draft.refuse(file, "at", "plan.over", at=f"{draft.bulletin.at.astimezone(zone):%H:%M %d/%m/%Y}")
        else:
            lines[draft.id] = draft.place("id").line


def _store(reach: Access, url: str | None) -> MediaStore:
    token = os.environ.get("EDGE_UPLOAD_TOKEN", "").strip()
    return MediaStore(url or reach.hub_url(), lambda: token or reach.upload_token())


async def _send(
    reach: Access, node: str, drafts: list[Draft], uploads: dict[str, Upload], timeout_s: float, wait_s: float
) -> list[Answers]:
    all_told: list[Answers] = []
    async with Client(reach, reach.signer()) as client:
        errand = Errand(client, timeout_s)
        topics, expected = await errand.find(node)
        for draft in drafts:
            missing = next((fault for sound in draft.sounds if (fault := uploads[sound.sha256].fault)), None)
            if missing is not None or draft.bulletin is None:
                all_told.append(Answers(draft, fault=missing))
            else:
                all_told.append(await errand.plan(draft, draft.bulletin, topics, expected))
        await errand.ready(all_told, wait_s)
    return all_told
