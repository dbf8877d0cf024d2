"""How the installer acts upon the node."""

import logging
import subprocess
from dataclasses import dataclass

log = logging.getLogger(__name__)
_RESTART_S = 90


@dataclass(frozen=True, slots=True)
class Means:
    """How this node is acted upon."""

    restart: tuple[str, ...] = ("systemctl", "restart", "edge-agent.service")
    healthy_s: float = 60.0
    steady_s: float = 10.0
    """A version that is well has run for so long: what falls over after five seconds was never well."""
    look_s: float = 0.5
    user: str | None = "edge-agent"


def restart(means: Means) -> None:
    """Restart the agent; that it did not work is logged, for the agent's health decides, not this."""
    try:
        done = subprocess.run(means.restart, timeout=_RESTART_S, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            log.error("restarting the agent: exit %d", done.returncode)
    except (OSError, subprocess.SubprocessError) as error:
        log.error("restarting the agent: %s", error)
