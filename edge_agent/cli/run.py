"""`edge-agent run`."""

import asyncio
import gc
import logging
import os
import signal
import sqlite3
import sys
import traceback
from pathlib import Path

import click

from edge_agent.cli.common import CONFIG, lock_folder, show_problems
from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.store.files import write_atomically
from edge_agent.survival.starts import LIVED_S, STARTS, Limits, SafeMode, Starts, mark_of
from edge_agent.words import say

log = logging.getLogger("edge_agent")
LAST_GOOD = Path("last-good.yaml")


@click.command("run")
@CONFIG
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option(
    "--safe-after",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    envvar="EDGE_SAFE_AFTER",
    help="Starts in vain within 10 minutes after which only lines and link run; 0: never.",
)
@click.option(
    "--safe-hours",
    type=click.FloatRange(min=0, min_open=True),
    default=6.0,
    show_default=True,
    help="Hours until the whole agent is tried again.",
)
def command(file: Path, verbose: bool, safe_after: int, safe_hours: float) -> None:
    """Run the node described by FILE until it is told to stop (SIGTERM or Ctrl+C)."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # counted before anything is read: already a check of the configuration runs the code of drivers
    starts = Starts(place_of(file), mark_of(file), Limits(safe_after, safe_hours * 3600))
    safe = starts.begin()
    good = load(_kept(file)).config if safe is not None else None
    config, told = (good, None) if good is not None else _chosen(file)
    lock = lock_folder(config.storage.path)
    again = False
    try:
        again = asyncio.run(_run(file, config, told, starts, safe))
    except Refusal as refusal:
        starts.failed(refusal.fault.en)
        fail(say("run.cannot_start", detail=refusal.fault.text(config.node.language)))
    except (sqlite3.OperationalError, OSError) as error:
        starts.failed(_one_line(error))
        fail(say("run.cannot_start", detail=error))
    except Exception as error:
        starts.failed(_one_line(error))
        raise
    finally:
        os.close(lock)
    if again:  # as new as after a restart, and still the process that systemd knows
        os.execv(sys.executable, [sys.executable, "-P", "-m", "edge_agent", *sys.argv[1:]])  # noqa: S606


def usable(file: Path) -> NodeConfig:
    """The configuration; when it has mistakes, the last good one, told so."""
    return _chosen(file)[0]


def _chosen(file: Path) -> tuple[NodeConfig, Fault | None]:
    loaded = load(file)
    kept = _kept(file)
    if loaded.config is not None:
        if not kept.exists():  # the first there ever was; later ones have to prove themselves
            _keep(file, kept)
        return loaded.config, None
    show_problems(loaded.problems, file)
    fallback = load(kept).config if kept.exists() else None
    if fallback is None:
        raise click.exceptions.Exit(BAD_INPUT)
    click.echo(say("run.keeping", file=kept), err=True)
    return fallback, Fault.of("config.last_good", detail=loaded.problems[0].text()[:200] if loaded.problems else "-")


def _kept(file: Path) -> Path:
    """Where the last good configuration lies: systemd's state folder, else beside the file."""
    folder = os.environ.get("STATE_DIRECTORY")
    return Path(folder) / LAST_GOOD if folder else file.with_name(f".{file.stem}.{LAST_GOOD}")


def place_of(file: Path) -> Path:
    """Where starts are counted: as the last good configuration, without reading any."""
    folder = os.environ.get("STATE_DIRECTORY")
    return Path(folder) / STARTS if folder else file.with_name(f".{file.stem}.{STARTS}")


def _keep(file: Path, kept: Path) -> None:
    try:
        content = file.read_bytes()
        if not kept.exists() or kept.read_bytes() != content:
            write_atomically(kept, content)
    except OSError as error:
        log.warning("the configuration could not be kept as the last good one: %s", error)


async def _run(file: Path, config: NodeConfig, told: Fault | None, starts: Starts, safe: SafeMode | None) -> bool:
    """Run the agent, or its safe core, until told to stop; True: to be run again from the beginning."""
    gc.freeze()  # what start-up made stays; the collector need not look at it again
    ready = asyncio.Event()
    work = asyncio.create_task(_agent(file, config, told, starts, safe, ready), name="agent")
    proof = asyncio.create_task(_prove(file, starts, safe, ready), name="lived")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        if ready.is_set():  # it ran, and somebody meant it
            _proven(file, starts, safe)
        log.info("%s", say("run.stopped"))
        return False
    finally:
        proof.cancel()
    return safe is not None


async def _agent(
    file: Path, config: NodeConfig, told: Fault | None, starts: Starts, safe: SafeMode | None, ready: asyncio.Event
) -> None:
    # imported here, so that a package that cannot be imported any more counts as a start in vain
    if safe is None:
        from edge_agent.agent import Agent

        agent = Agent(config, told)
        agent.on_ready = ready.set
        await agent.run()
        return
    from edge_agent.survival.safe_core import SafeCore

    core = SafeCore(config, safe, starts, changed=_Watch(file).changed)
    core.on_ready = ready.set
    await core.run()


async def _prove(file: Path, starts: Starts, safe: SafeMode | None, ready: asyncio.Event) -> None:
    await ready.wait()
    await asyncio.sleep(LIVED_S)
    _proven(file, starts, safe)


def _proven(file: Path, starts: Starts, safe: SafeMode | None) -> None:
    starts.lived()
    if safe is None and load(file).config is not None:
        _keep(file, _kept(file))


class _Watch:
    """Whether a file is another one than at first, and a good one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = self._stamp()

    def changed(self) -> bool:
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        return load(self._file).config is not None

    def _stamp(self) -> tuple[int, ...]:
        try:
            found = self._file.stat()
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino)


def _one_line(error: BaseException) -> str:
    """The last line of its traceback, and where in our programs it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[0][:200] + where
