"""The acceptance without a phone: the same steps, asked in the terminal."""

from collections.abc import Callable

import click

from edge_agent.acceptance.session import Going, NotNow, Place, Session
from edge_agent.contract.reports import Position
from edge_agent.words import language, say


def walk(session: Session) -> None:
    """All steps, one after the other; an empty answer to the first question of a step does it."""
    session.on_begin = _here
    _place(session)
    for at, going in enumerate(session.steps):
        if going.task.todo:
            _step(session, at, going)


def _place(session: Session) -> None:
    before = session.place
    installer = click.prompt(say("accept.installer"), default=before.installer or None, type=str, err=True)
    numbers = [
        click.prompt(say(f"accept.{name}"), default=value, type=click.FloatRange(-most, most), err=True)
        for name, value, most in (
            ("latitude", before.position.latitude, 90),
            ("longitude", before.position.longitude, 180),
        )
    ]
    position = Position(latitude=numbers[0], longitude=numbers[1])
    session.set_place(Place(installer, position, "configuration" if position == before.position else "hand"))


def _step(session: Session, at: int, going: Going) -> None:
    name = f": {going.task.name}" if going.task.name else ""
    click.echo(f"\n{at + 1}. {say(f'accept.kind_{going.task.kind}')}{name}", err=True)
    click.echo(f"   {say(f'accept.how_{going.task.kind}')}", err=True)
    while True:
        if click.confirm(say("accept.do_it"), default=True, err=True):
            _do(session, at, going)
        else:
            _skip(session, at)
        if going.result is None:
            continue
        click.echo(f"   {say(f'accept.is_{going.result}')}", err=True)
        if going.result != "faulty" or not click.confirm(say("accept.again"), default=False, err=True):
            return
        session.again(at)


def _do(session: Session, at: int, going: Going) -> None:
    while going.next is not None:
        click.echo(f"   {say(f'accept.wait_{going.task.kind}')}", err=True)
        session.begin(at)
        stage = going.stages[-1]
        click.echo(f"   {stage.vi if language() == 'vi' else stage.en}", err=True)
        if going.question:
            session.answer(at, click.confirm(f"   {say(going.question)}", err=True))


def _skip(session: Session, at: int) -> None:
    try:
        session.skip(at, click.prompt(say("accept.reason"), default="", show_default=False, err=True))
    except NotNow as no:
        click.echo(say(no.key), err=True)


def _here(work: Callable[[], None]) -> None:
    work()
