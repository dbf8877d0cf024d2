"""`edge-agent doctor --install`: what of it is the terminal's."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge_agent.acceptance import record
from edge_agent.acceptance.doing import Doing
from edge_agent.acceptance.found import joined, told
from edge_agent.acceptance.serving import AcceptanceServer
from edge_agent.acceptance.session import NotNow, Place, Session
from edge_agent.acceptance.signing import signer_of
from edge_agent.acceptance.tasks import tasks_of
from edge_agent.acceptance.terminal import walk
from edge_agent.cli.output import fail, show_json
from edge_agent.config.model import NodeConfig
from edge_agent.contract.birth import SignedBirth
from edge_agent.contract.errors import Refusal
from edge_agent.local import births
from edge_agent.local.client import AgentAway, LocalAgent
from edge_agent.words import Both, language, say

_START_S = 60.0
_SAY_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What stands on the command line. `link_s`: how long the way to the broker is measured."""

    file: Path
    page: bool
    listen: str
    port: int
    link_s: float
    as_json: bool


def accept(config: NodeConfig, wishes: Wishes, *, runs: bool) -> None:
    """Walk through the acceptance. `runs`: whether an agent holds the folder."""
    agent = LocalAgent(config.storage.path)
    if runs and not agent.is_there():
        fail(say("accept.not_yours", path=config.storage.path))
    with contextlib.nullcontext() if runs else _own_agent(agent, wishes.file):
        session = Session(tasks_of(config), Doing(config, wishes.link_s), Place("", config.node.position))
        try:
            signed = _by_page(config, session, agent, wishes) if wishes.page else _by_terminal(config, session, agent)
        except KeyboardInterrupt:
            click.echo(say("run.stopped"), err=True)
            signed = None
        finally:
            session.end()
    if wishes.as_json and signed is not None:
        show_json(signed.model_dump(mode="json"))


def _by_terminal(config: NodeConfig, session: Session, agent: LocalAgent) -> SignedBirth:
    walk(session)
    signed = record.made(config, session, signer_of(config))
    click.echo(_handed_over(config, agent, signed).text(language()), err=True)
    return signed


def _by_page(config: NodeConfig, session: Session, agent: LocalAgent, wishes: Wishes) -> SignedBirth | None:
    made: list[SignedBirth] = []

    def send() -> Both:
        if not session.placed:
            raise NotNow("accept.place_first")
        if session.busy:
            raise NotNow("accept.busy")
        session.end()
        made.append(record.made(config, session, signer_of(config)))
        return _handed_over(config, agent, made[-1])

    def on_code(url: str) -> None:
        if wishes.as_json:
            click.echo(f'{{"url": "{url}"}}')
        else:
            _show_code(url)

    try:
        address = (wishes.listen, wishes.port)
        server = AcceptanceServer(session, config.node.title, address, send=send, on_code=on_code)
    except OSError as error:
        fail(say("panel.page.port", port=wishes.port, detail=error.strerror))
    with server:
        server.new_code()
        if wishes.listen != "127.0.0.1" and config.speakers:
            _say_address(agent, server)
        server.serve_forever()
    return made[-1] if made else None


def _handed_over(config: NodeConfig, agent: LocalAgent, signed: SignedBirth) -> Both:
    """Give the record to the agent; where that has gone, leave it for its next start. What became of it, in words."""
    try:
        sent = agent.ask("birth", signed=signed.model_dump(mode="json"))["sent"]
    except (AgentAway, Refusal):
        try:
            births.keep(config.storage.path, signed)
        except OSError as error:
            return told("error.sentence", detail=f"{error.filename}: {error.strerror}")
        sent = False
    by = told("accept.signed" if signed.jws else "accept.unsigned")
    return joined(told("accept.handed_over" if sent else "accept.waits_for_link"), by)


def _show_code(url: str) -> None:
    import segno

    click.echo(f"\n{say('accept.open_at', url=url)}\n", err=True)
    segno.make(url, error="m").terminal(out=sys.stderr, compact=True)


def _say_address(agent: LocalAgent, server: AcceptanceServer) -> None:
    """Through the box's own loudspeaker, for who has no terminal before them; the code is not said."""
    host, port = server.hosts[0], server.server_address[1]
    text = say("accept.aloud", host=" chấm ".join(host.split(".")), port=" ".join(str(port)))

    def speak() -> None:
        with contextlib.suppress(AgentAway, Refusal):  # outside the lawful hours, or the speaker is what is broken
            agent.ask("command", _SAY_LIMIT_S, args={"do": "speak", "text": text}, by="doctor --install")

    threading.Thread(target=speak, name="aloud", daemon=True).start()


@contextlib.contextmanager
def _own_agent(agent: LocalAgent, file: Path) -> Iterator[None]:
    """An agent for as long as this takes: nobody else runs one."""
    click.echo(say("accept.own_agent"), err=True)
    argv: list[Any] = [sys.executable, "-P", "-m", "edge_agent", "run", str(file)]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + _START_S
        while not agent.is_there():
            if child.poll() is not None or time.monotonic() > until:
                fail(say("accept.no_agent"))
            time.sleep(0.2)
        yield
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
