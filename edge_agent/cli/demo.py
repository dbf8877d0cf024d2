"""`edge-agent demo`."""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import click

from edge_agent.cli.common import lock_folder
from edge_agent.cli.output import fail
from edge_agent.demo import broker
from edge_agent.demo.children import Child, start, stop, wait_for_port
from edge_agent.demo.layout import NODES, Layout
from edge_agent.demo.sound import sound_card
from edge_agent.words import say

_WALKS = ("--seconds", "40", "--every", "40")
_FILMS = {
    "main": (*_WALKS, "--width", "1280", "--height", "720"),
    "sub": (*_WALKS, "--width", "640", "--height", "360"),
}
"""What `camera.clip` is asked for: somebody walks by every forty seconds."""


@click.command("demo")
@click.option("--folder", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Port of the console (another if it is in use).",
)
@click.option("--for", "seconds", type=float, help="End after so many seconds; default: Ctrl+C.")
@click.option("--broker", "which", type=click.Choice(["auto", "mosquitto", "amqtt"]), default="auto", show_default=True)
def command(folder: Path, port: int, seconds: float | None, which: str) -> None:
    """Run a whole commune on this machine: broker, hub, three nodes and a camera. Prints the console's address.

    There one tap makes you somebody of the commune. Simulated are only the electric cabinets (see `edge-agent panel`),
    the camera's scene (a film that goes through the real puller), and, where there is no sound card, the loudspeaker
    (a WAV file). Everything listens on loopback.
    """
    lock = lock_folder(folder.absolute())
    with ExitStack() as ports:
        layout = _prepare(folder.absolute(), port, ports)
        try:
            asyncio.run(_serve(layout, which, seconds))
        except KeyboardInterrupt:
            return
        finally:
            os.close(lock)


def _prepare(folder: Path, port: int, ports: ExitStack) -> Layout:
    click.echo(say("demo.preparing"))
    layout = Layout(folder, _free_port(18830, ports), _free_port(port, ports), sound_card())
    try:
        layout.prepare()
    except OSError as error:
        fail(say("run.cannot_start", detail=f"{error.filename}: {error.strerror}"))
    missing = {name: film for name, film in layout.films.items() if not film.exists()}
    if missing:
        click.echo(say("demo.clip"))
        _make_films(missing)
    return layout


def _make_films(films: dict[str, Path]) -> None:
    """Under another name first: a film that was interrupted must not be taken for a whole one."""
    making = {}
    for name, film in films.items():
        draft = film.with_name(f"draft-{film.name}")
        argv = [sys.executable, "-P", "-m", "camera.clip", str(draft), *_FILMS[name]]
        making[film] = draft, subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for film, (draft, child) in making.items():
        _, said = child.communicate()
        if child.returncode != 0:
            draft.unlink(missing_ok=True)
            fail(say("demo.failed", part="camera.clip", detail="".join(said.strip().splitlines()[-1:])))
        draft.rename(film)


def _free_port(wanted: int, ports: ExitStack) -> int:
    for port in (wanted, *[0] * 10):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = sock.getsockname()[1]
        if not _kept(chosen, ports):
            continue
        if chosen != wanted:
            click.echo(say("demo.port", port=wanted, other=chosen))
        return chosen
    raise OSError("no free port")


def _kept(port: int, ports: ExitStack) -> bool:
    """Keep a port from other demos: it takes a while until somebody listens there. False: another demo has it."""
    name = ports.enter_context(socket.socket(socket.AF_UNIX))
    try:
        name.bind(f"\0edge-agent-demo-{port}")  # of no file: gone with the process
    except OSError:
        return False
    return True


async def _serve(layout: Layout, which: str, seconds: float | None) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:

        async def launch(name: str, argv: list[str]) -> Child:
            child = await start(name, argv, layout.folder / "log" / f"{name}.log")
            stack.push_async_callback(stop, child)
            return child

        program = broker.find_mosquitto() if which != "amqtt" else None
        if program is None and which == "mosquitto":
            fail(say("demo.failed", part="mosquitto", detail="not found"))
        argv = broker.mosquitto_argv(program, layout) if program else broker.amqtt_argv(layout)
        post = await launch("broker", argv)
        hub = await launch("hub", [sys.executable, "-P", "-m", "hub", "run", str(layout.hub)])
        nodes = [
            await launch(name, [sys.executable, "-P", "-m", "edge_agent", "run", str(layout.node(name))])
            for name in NODES
        ]
        await _listening(post, layout.broker_port)
        await _listening(hub, layout.hub_port)
        _tell(layout, program, nodes)
        watch = asyncio.create_task(_watch([post, hub], nodes, layout))
        asleep = asyncio.create_task(ended.wait())
        await asyncio.wait([watch, asleep], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        asleep.cancel()
        if watch.done():
            watch.result()
        watch.cancel()


async def _listening(child: Child, port: int) -> None:
    if not await wait_for_port(child, port):
        fail(say("demo.failed", part=child.name, detail=child.last_words()))


def _tell(layout: Layout, program: str | None, nodes: list[Child]) -> None:
    click.echo(
        say("demo.broker", what=f"{program}, 127.0.0.1:{layout.broker_port}" if program else say("demo.embedded"))
    )
    if layout.sound_card is None:
        click.echo(say("demo.sound_file", folder=layout.folder / NODES[0] / "drivers" / "horn"))
    else:
        click.echo(say("demo.sound_card", device=layout.sound_card or "default"))
    click.echo(say("demo.lines", again=f"edge-agent panel {shlex.quote(str(layout.node(NODES[0])))} cong-lang=hand"))
    click.echo(say("demo.camera"))
    click.echo(say("demo.hours", windows=layout.open_hours))
    for node in nodes:
        click.echo(say("demo.node", node=node.name, pid=node.pid, again=_again(layout, node)))
    url = click.style(f"http://127.0.0.1:{layout.hub_port}/", bold=True)
    click.echo("\n  " + say("demo.ready", url=url) + "\n")
    click.echo(say("demo.stop"))


def _again(layout: Layout, node: Child) -> str:
    return shlex.join([sys.executable, "-P", "-m", "edge_agent", "run", str(layout.node(node.name))])


async def _watch(vital: list[Child], nodes: list[Child], layout: Layout) -> None:
    """A node may be unplugged; without broker or hub there is no demo."""
    waits = {asyncio.create_task(child.process.wait()): child for child in (*vital, *nodes)}
    try:
        while waits:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                child = waits.pop(task)
                if child in vital:
                    fail(say("demo.failed", part=child.name, detail=child.how_it_ended()))
                click.echo(say("demo.node_gone", node=child.name, again=_again(layout, child)))
    finally:
        for task in waits:
            task.cancel()
