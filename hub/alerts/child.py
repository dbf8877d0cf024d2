"""The child that sends: `python -m hub.alerts.child` with one JSON object on standard input, one word on its output.

The word is `sent`, or the key of why not; never the address.
"""

import json
import logging
import re
import resource
import socket
import sys

from hub.alerts.nearby import Guard

MEMORY = 1024 * 1024 * 1024
_CODE = re.compile(r"error[=:]\s*(\d{3})\b")


class _Heard(logging.Handler):
    """What the library complains of: only its numbers are kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.code = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the number of an answer."""
        if found := _CODE.search(record.getMessage()):
            self.code = found[1]


def main() -> None:
    """Send what standard input says."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.read(200_000))
    socket.setdefaulttimeout(float(asked["timeout_s"]))
    guard = None if asked["local"] else Guard()
    sys.stdout.write(_send(asked["url"], asked["title"], asked["body"], guard))


def _send(url: str, title: str, body: str, guard: Guard | None) -> str:
    import apprise

    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.handlers = [heard]
    logger.propagate = False
    to = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, app_id="edge-hub", app_url=""))
    if not to.add(url):
        return "notify.error_address"
    if to.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
        return "sent"
    if guard is not None and guard.refused:
        return "notify.error_local"
    return f"notify.error_refused {heard.code}" if heard.code else "notify.error_away"


if __name__ == "__main__":
    main()
