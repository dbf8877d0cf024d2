"""The demo's broker: mosquitto with accounts and access rules, or amqtt where there is no mosquitto."""

import shutil
import subprocess
import sys
from pathlib import Path

from edge_agent.demo.layout import COMMUNE, Layout, owner
from edge_agent.store.files import write_atomically

ACL = """# A node (%u) reports under its own name and hears its own commands and those to all; only the hub commands.
pattern write edge/{commune}/%u/status
pattern write edge/{commune}/%u/about
pattern write edge/{commune}/%u/state/+/+
pattern write edge/{commune}/%u/event
pattern write edge/{commune}/%u/telemetry
pattern write edge/{commune}/%u/ack
pattern write edge/{commune}/%u/live/+
pattern read edge/{commune}/%u/cmd
pattern read edge/{commune}/all/cmd
pattern read edge/{commune}/voice/+

user hub
topic read edge/#
topic write edge/{commune}/+/cmd
topic write edge/{commune}/voice/+
"""


def find_mosquitto() -> str | None:
    """The program; Debian keeps it in /usr/sbin, which is not on everybody's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def mosquitto_argv(program: str, layout: Layout) -> list[str]:
    """Write mosquitto's files and return how to start it."""
    folder = layout.folder / "broker"
    folder.mkdir(exist_ok=True)
    _write_passwords(folder / "passwords", layout.passwords())
    write_atomically(folder / "acl", ACL.replace("{commune}", COMMUNE).encode(), 0o600)
    lines = [
        f"listener {layout.broker_port} 127.0.0.1",
        f"user {owner()}",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'acl'}",
        "set_tcp_nodelay true",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        "autosave_on_changes true",
        "max_queued_messages 10000",
        "max_packet_size 1000000",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    write_atomically(folder / "mosquitto.conf", ("\n".join(lines) + "\n").encode(), 0o600)
    return [program, "-c", str(folder / "mosquitto.conf")]


def amqtt_argv(layout: Layout) -> list[str]:
    """How to start the stand-in: pure Python, loopback only, without accounts."""
    return [sys.executable, "-P", "-m", "edge_agent.demo.embedded", str(layout.broker_port)]


def _write_passwords(path: Path, passwords: dict[str, str]) -> None:
    """Clear words into a private file, then hashed in place: they never stand on a command line."""
    clear = "".join(f"{user}:{password}\n" for user, password in passwords.items())
    write_atomically(path, clear.encode(), 0o600)
    program = shutil.which("mosquitto_passwd", path="/usr/bin:/usr/local/bin:/usr/sbin") or "mosquitto_passwd"
    subprocess.run([program, "-U", str(path)], check=True, capture_output=True, timeout=20)
