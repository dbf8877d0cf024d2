"""Sends one message through Apprise, in a child process: it is heavy, and what it talks to may hang for ever."""

import asyncio
import contextlib
import json
import logging
import os
import sys

logger = logging.getLogger(__name__)

SCHEMES = frozenset(
    (
        *("mailto", "mailtos", "tgram", "json", "jsons", "form", "forms", "xml", "xmls"),
        *("ntfy", "ntfys", "gotify", "gotifys", "matrix", "matrixs", "mmost", "mmosts"),
        *("slack", "discord", "workflows", "rocket", "rockets", "zulip", "pover"),
        *("twilio", "vonage", "sinch", "clicksend", "bulksms", "d7sms"),
    )
)
"""Of what Apprise knows, that which talks to a service far away; nothing that acts on this machine."""


class Undelivered(Exception):
    """A message did not go out. The text: key of a sentence in hub/text, a number after a blank fills it."""


async def send(url: str, title: str, body: str, timeout_s: float, *, local: bool = False) -> None:
    """Send it within so many seconds. `local`: it may lead to this machine. Raises Undelivered."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.alerts.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # what it complains of may hold the address, which is a secret
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except OSError as error:
        logger.error("no message can be sent: %s", error)
        raise Undelivered("notify.error_broken") from error
    asked = json.dumps({"url": url, "title": title, "body": body, "timeout_s": timeout_s, "local": local}).encode()
    try:
        async with asyncio.timeout(timeout_s + 10):  # the child itself takes a while to start
            said, _ = await child.communicate(asked)
    except TimeoutError as error:
        raise Undelivered("notify.error_slow") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode or not said.strip():
        raise Undelivered("notify.error_broken")
    if (answer := said.decode().strip()) != "sent":
        raise Undelivered(answer)
