"""What the first boot does to the system around it: starts the agent, asks as its account, lets it speak."""

import json
import logging
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_agent.contract.errors import Fault, Refusal
from edge_agent.local.client import AgentAway, LocalAgent

log = logging.getLogger(__name__)
_OURS = (sys.executable, "-P", "-m", "edge_agent")
_ENROL_LIMIT_S = 180
_SPEAK_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """Of an attempt to enrol: no fault, or one; `final`: asking again is of no use."""

    fault: Fault | None
    final: bool = False


class System:
    """The machine that boots. `user`: the agent's account (empty: ours); `unit`: its service (empty: none)."""

    def __init__(self, user: str, unit: str) -> None:
        self._user = user if os.geteuid() == 0 and _known(user) else ""
        self._unit = unit

    def give(self, path: Path) -> None:
        """Let the agent's group read a file that root owns. Raises OSError."""
        if self._user:
            os.chown(path, 0, pwd.getpwnam(self._user).pw_gid)

    def start_agent(self, *, again: bool) -> None:
        """Start it, or start it again with another configuration; returns at once."""
        systemctl = shutil.which("systemctl")
        if not self._unit or systemctl is None:
            return
        verb = "restart" if again else "start"
        done = _run([systemctl, "--no-block", verb, self._unit], 60)
        if done is None or done.returncode != 0:
            log.error("the agent could not be started: %s", done.stderr[:500] if done else "systemctl does not end")

    def enrol(self, config: Path, enrolment: bytes, floor: datetime) -> Answer:
        """One attempt, in a process of the agent's own account: root speaks with nobody on the network."""
        argv = [*_OURS, "enrol", str(config), "-", "--json", "--since", floor.isoformat()]
        done = _run(argv, _ENROL_LIMIT_S, enrolment, self._user)
        if done is None:
            return Answer(Fault.of("command.timeout", seconds=_ENROL_LIMIT_S))
        try:
            told = json.loads(done.stdout)
            if told["ok"]:
                return Answer(None)
            return Answer(Fault.model_validate(told["fault"]), bool(told["final"]))
        except (ValueError, KeyError, TypeError):
            return Answer(Fault.of("identity.no_answer", detail=done.stderr.decode(errors="replace").strip()[-300:]))

    def connected(self, storage: Path) -> bool:
        """Whether the running agent has its broker."""
        try:
            return LocalAgent(storage).ask("ping", 10.0).get("connected") is True
        except (AgentAway, Refusal):
            return False

    def speak(self, text: str, storage: Path | None) -> None:
        """Through the agent's own loudspeaker; where no agent runs, through this machine's sound card."""
        if storage is not None:
            try:
                LocalAgent(storage).ask(
                    "command", _SPEAK_LIMIT_S, args={"do": "speak", "text": text}, by="edge-agent firstboot"
                )
            except Refusal as refusal:  # not at this hour, no speaker: it would not be right to shout all the same
                log.warning("not said aloud: %s", refusal)
                return
            except AgentAway:
                pass
            else:
                return
        argv = [*_OURS, "say", "--offline", text]
        with tempfile.TemporaryDirectory() as folder:  # where there is no sound card, the sound goes there
            if self._user:
                os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
            done = _run(argv, _SPEAK_LIMIT_S, user=self._user, folder=folder)
        if done is None or done.returncode != 0:
            log.warning(
                "nothing could be said aloud: %s", done.stderr.decode(errors="replace")[-300:] if done else "no end"
            )


def _run(
    argv: list[str], limit_s: float, given: bytes = b"", user: str = "", folder: str = "/"
) -> "subprocess.CompletedProcess[bytes] | None":
    """None: it did not end in time."""
    try:
        return subprocess.run(
            argv,
            input=given,
            capture_output=True,
            timeout=limit_s,
            check=False,
            cwd=folder,
            user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=_groups(user) if user else None,
        )
    except subprocess.TimeoutExpired:
        return None
    except (OSError, LookupError, subprocess.SubprocessError) as error:  # it could not begin
        return subprocess.CompletedProcess(argv, 126, b"", str(error).encode())


def _groups(user: str) -> list[int]:
    return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)


def _known(user: str) -> bool:
    try:
        return bool(user) and pwd.getpwnam(user) is not None
    except KeyError:
        return False
