"""Updates in the running agent: the hub's command, and telling the centre what became of the last one."""

import asyncio
import json
import logging
import sys
from pathlib import Path

from edge_agent.config.model import NodeConfig
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.updating import InstallUpdate
from edge_agent.core import Core
from edge_agent.desk.act import Act, Begin
from edge_agent.store.files import write_atomically
from edge_agent.update.child import Job
from edge_agent.update.journal import Books, Last
from edge_agent.update.places import Places
from edge_agent.version import VERSION

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 10.0
_MOST_S = 24 * 3600.0
"""For a download over a line that is hardly there."""


class Updates:
    """One at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._places = Places.usual()
        self._busy = False
        self._inbox = core.config.storage.path / "update"

    async def install(self, asked: Command, args: InstallUpdate) -> Act:
        """Handle `update.install`. Refuses `update.busy`, `update.no_address`; fails as `Asker` does."""
        if args.version == VERSION:  # asked again after it had come
            return Act(result={"version": VERSION, "runs": True})
        if self._busy:
            raise Refusal("update.busy")
        job = self._job(args.version, asked.by)

        async def run(_begin: Begin) -> JsonObject:
            # without `begin`: after a restart in the middle it is done again, and goes on where it was
            if self._busy:
                raise Refusal("update.busy")
            self._busy = True
            try:
                await _child(job)
            finally:
                self._busy = False
            return {"version": args.version, "handed_over": True}

        return Act(run=run)

    async def run(self) -> None:
        """Tell of each end of an update, once."""
        while True:
            if (last := await asyncio.to_thread(self._untold)) is not None:
                self._core.recorder.event("updated", None, **_data(last))
            await self._core.clock.sleep(_LOOK_EVERY_S)

    def _untold(self) -> Last | None:
        """What became of the last update, when nobody was told yet."""
        last = Books(self._places.keep).last()
        told = self._inbox / "told"
        if last is None or last.at.isoformat() == _text(told):
            return None
        try:
            write_atomically(told, last.at.isoformat().encode())
        except OSError as error:  # told again at the next start: twice is better than never
            log.warning("that an update was told cannot be written down: %s", error)
        return last

    def _job(self, version: str, by: str) -> Job:
        config = self._core.config
        url, token, ca = source(config)
        return Job(
            url=url,
            token=token,
            ca=ca,
            inbox=self._inbox,
            root=self._places.root,
            rate=config.updates.kilobytes_s * 1000.0,
            version=version,
            by=by[:100],
            trusted=self._core.clock.trusted,
        )


def source(config: NodeConfig) -> tuple[str, str | None, str | None]:
    """Address, token and authority of the folder of updates. Raises Refusal `update.no_address`, `update.offline`."""
    hub = config.hub
    if config.updates.url is not None:  # nobody but the hub hears the node's token
        return config.updates.url, None, None
    if hub is None:
        raise Refusal("update.no_address")
    try:
        token = reveal(hub.token)
    except SecretFault as fault:
        raise Refusal("update.offline", host=hub.url, detail=str(fault)) from fault
    return f"{hub.url.rstrip('/')}/updates", token, str(hub.ca) if hub.ca is not None else None


async def _child(job: Job) -> None:
    """Run the job. Raises Refusal; ends the process when nobody waits any more."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "edge_agent.update.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_MOST_S):
            said, _ = await child.communicate(job.model_dump_json().encode())
        answer = json.loads(said)
    except (ValueError, TimeoutError) as error:
        raise Refusal("update.no_answer", detail=f"exit {child.returncode}: {error}"[:200]) from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if "code" in answer:
        raise Refusal(answer["code"], **answer["params"])


def _data(last: Last) -> dict[str, object]:
    return {
        "result": last.result,
        "version": last.version,
        "version_before": last.version_before,
        "code": last.fault.code if last.fault is not None else None,
        "by": last.by,
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
