"""`user-data`, `network-config` and `meta-data` as Raspberry Pi OS Trixie's cloud-init takes them.

The same keys as Raspberry Pi Imager 2 writes for `init_format: cloudinit-rpi`: one `user:`, which renames the system's
own first account and keeps its groups; `ssh` is enabled by a command, since the system ships it switched off.
Nothing here needs a network.
"""

from typing import Any

import yaml

from edge_agent.card.box import Box

MODEM_FILE = "/etc/NetworkManager/system-connections/edge-agent-4g.nmconnection"


def user_data(box: Box) -> bytes:
    """Account, SSH, host name, time zone, keyboard, 4G."""
    data: dict[str, Any] = {
        "manage_resolv_conf": False,
        "hostname": box.hostname,
        "manage_etc_hosts": True,
        "timezone": box.timezone,
    }
    if box.way.keyboard:
        data["keyboard"] = {"model": "pc105", "layout": box.way.keyboard}
    data["user"] = _user(box)
    data["ssh_pwauth"] = bool(box.way.ssh and box.way.password and not box.way.ssh_keys)
    if box.apn:
        data["write_files"] = [
            {"path": MODEM_FILE, "owner": "root:root", "permissions": "0600", "content": modem(box.apn)}
        ]
    commands = _commands(box)
    if commands:
        data["runcmd"] = commands
    return b"#cloud-config\n" + _dumped(data)


def _user(box: Box) -> dict[str, Any]:
    user: dict[str, Any] = {"name": box.way.user, "shell": "/bin/bash"}
    if box.way.password:
        user |= {"lock_passwd": False, "passwd": box.way.password, "sudo": None}
    else:  # without a password sudo could ask for none
        user |= {"lock_passwd": True, "sudo": "ALL=(ALL) NOPASSWD:ALL"}
    if box.way.ssh and box.way.ssh_keys:
        user["ssh_authorized_keys"] = list(box.way.ssh_keys)
    return user


def _commands(box: Box) -> list[list[str]]:
    commands = []
    if box.way.ssh:
        commands.append(["systemctl", "enable", "--now", "ssh"])
    if box.apn:  # written after NetworkManager may have looked
        commands.append(["nmcli", "connection", "reload"])
    return commands


def network_config(box: Box) -> bytes:
    """Netplan version 2: the cable always, the Wi-Fi if there is one; the boot waits for neither."""
    network: dict[str, Any] = {
        "version": 2,
        "ethernets": {"eth0": {"dhcp4": True, "dhcp6": True, "optional": True}},
    }
    if box.wifi is not None:
        point = {"password": box.wifi.key} if box.wifi.key else {"auth": {"key-management": "none"}}
        network["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": box.wifi.country,
                "access-points": {box.wifi.ssid: point},
            }
        }
    return _dumped({"network": network})


def meta_data(instance: str) -> bytes:
    """A new `instance` makes cloud-init do all of it anew; `local`: without waiting for a network."""
    return _dumped({"instance-id": instance, "dsmode": "local"})


def modem(apn: str) -> str:
    """A connection of NetworkManager for whatever 4G modem ModemManager finds."""
    return (
        "[connection]\nid=edge-agent-4g\ntype=gsm\nautoconnect=true\nautoconnect-retries=0\n\n"
        f"[gsm]\napn={apn}\n\n[ipv4]\nmethod=auto\nroute-metric=800\n\n[ipv6]\nmethod=auto\nroute-metric=800\n"
    )


class _Dumper(yaml.SafeDumper):
    """Lines stay lines: people read these files when something went wrong."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _dumped(data: dict[str, Any]) -> bytes:
    text: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
    return text.encode()
