"""Looks and fetches for the running agent, in a process of its own: TUF's imports are not for one that runs for years.

Reads one job as JSON on standard input, answers one line of JSON.
"""

import json
import ssl
import sys
from pathlib import Path

from pydantic import BaseModel

from edge_agent.contract.errors import Refusal
from edge_agent.update.ask import Asker
from edge_agent.update.places import Places
from edge_agent.update.remote import Remote


class Job(BaseModel):
    """Which version to fetch, from where, and for whom."""

    url: str
    ca: str | None = None
    token: str | None = None
    inbox: Path
    root: Path = Path("/")
    rate: float
    version: str
    by: str
    trusted: bool

    def remote(self) -> Remote:
        """The hub's folder. Raises Refusal `update.offline` where its authority cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca) if self.ca is not None else None
        except OSError as error:
            raise Refusal("update.offline", host=self.url, detail=f"{self.ca}: {error.strerror}") from error
        return Remote(self.url, context, self.token)

    def run(self) -> None:
        """Look, fetch, hand over. Raises Refusal."""
        asker = Asker(Places(self.root), self.inbox, self.remote(), self.trusted)
        bundle = asker.look(self.version)
        asker.fetch(bundle, self.rate)
        asker.hand_over(bundle, self.by)


def main() -> None:
    """Entry point."""
    try:
        Job.model_validate_json(sys.stdin.buffer.read()).run()
    except Refusal as refusal:
        sys.stdout.write(json.dumps({"code": refusal.fault.code, "params": refusal.fault.params}))
        return
    sys.stdout.write("{}")


if __name__ == "__main__":
    main()
