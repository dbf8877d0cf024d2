"""`firstrun.sh` for Raspberry Pi OS Bookworm, which knows no cloud-init: run once by systemd, undone by itself."""

import re
import shlex

from edge_agent.card.box import Box
from edge_agent.card.cloudinit import MODEM_FILE, modem

BOOT = "/boot/firmware"
SCRIPT = "firstrun.sh"
ARGUMENTS = (
    f"systemd.run={BOOT}/{SCRIPT}",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)
_CUSTOM = "/usr/lib/raspberrypi-sys-mods/imager_custom"
_ACCOUNT = "/usr/lib/userconf-pi/userconf"


def first_run(box: Box) -> bytes:
    """The script. A step that fails does not hinder the next; the last one always takes the script off the card."""
    steps = [
        (_CUSTOM, "set_hostname", box.hostname),
        *_ssh(box),
        (_ACCOUNT, box.way.user, box.way.password or "!"),
        *_network(box),
        (_CUSTOM, "set_timezone", box.timezone),
    ]
    if box.way.keyboard:
        steps.append((_CUSTOM, "set_keymap", box.way.keyboard))
    lines = ["#!/bin/sh", "# edge-agent card", "set +e", *(shlex.join(step) for step in steps)]
    if not box.way.password:
        rule = f"{box.way.user} ALL=(ALL) NOPASSWD:ALL"
        lines += [
            f"echo {shlex.quote(rule)} >/etc/sudoers.d/010_edge-agent-card",
            "chmod 0440 /etc/sudoers.d/010_edge-agent-card",
        ]
    if box.apn:
        lines += [f"umask 077; cat >{MODEM_FILE} <<'EOF'", modem(box.apn).rstrip(), "EOF"]
    lines += [
        f"sed -i -E 's/ systemd\\.(run|run_success_action|unit)=[^ ]*//g' {BOOT}/cmdline.txt",
        f"rm -f {BOOT}/{SCRIPT}",
        "sync",
        "exit 0",
    ]
    return "\n".join([*lines, ""]).encode()


def _ssh(box: Box) -> list[tuple[str, ...]]:
    if not box.way.ssh:
        return []
    if box.way.ssh_keys:
        return [(_CUSTOM, "enable_ssh", "-k", *box.way.ssh_keys)]
    return [(_CUSTOM, "enable_ssh", "-p")]


def _network(box: Box) -> list[tuple[str, ...]]:
    if box.wifi is None:
        return []
    return [(_CUSTOM, "set_wlan", box.wifi.ssid, box.wifi.key or "", box.wifi.country)]


def with_first_run(command_line: str) -> str:
    """The kernel's command line with the call of the script; other `systemd.run` of an earlier card are replaced."""
    return " ".join([*_without(command_line, r"systemd\.(run|run_success_action|unit)=.*"), *ARGUMENTS])


def with_instance(command_line: str, instance: str) -> str:
    """With cloud-init's instance, which counts more than `meta-data`: one of an earlier card would win over the new."""
    kept = _without(command_line, r"ds=nocloud.*|systemd\.(run|run_success_action|unit)=.*")
    return " ".join([*kept, f"ds=nocloud;i={instance}"])


def _without(command_line: str, pattern: str) -> list[str]:
    return [word for word in command_line.split() if not re.fullmatch(pattern, word)]
