"""What stands on a card is read by what reads it at the first start: cloud-init's schema, netplan itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from core_card import NODE, PASSWORD, TRUSTED, WIFI_PASSWORD, mounted, sheet, told

UNPACKED = Path(sys.prefix)
"""Where scripts/setup put cloud-init and netplan, which are not installed here."""
SCHEMA = UNPACKED / "cloud-init/usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
ROWS = {
    "key and password": {**NODE, **TRUSTED, "password": PASSWORD, "apn": "v-internet", "keyboard": "us"},
    "key": NODE,
    "password": {**NODE, "ssh_key": "", "password": PASSWORD},
    "no ssh": {**NODE, "password": PASSWORD, "ssh": "no", "keyboard": "us"},
}
WIFI = {
    "closed": {"wifi": "Nhà Văn Hoá: \"1\" #2 'x'", "wifi_password": WIFI_PASSWORD},
    "open": {"wifi": "yes", "wifi_password": ""},
    "none": {},
}


@pytest.mark.parametrize("way", ROWS)
def test_cloud_inits_schema_takes_the_user_data(way: str, tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    assert told(sheet(tmp_path, ROWS[way]), "--to", boot)["ok"]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    user_data = (boot / "user-data").read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(user_data), schema)
    with pytest.raises(jsonschema.ValidationError):  # and it does see a mistake
        jsonschema.validate(yaml.safe_load(user_data.replace("ssh_pwauth:", "ssh_pwauth: [1]\nx:")), schema)


@pytest.mark.parametrize("wifi", WIFI)
def test_netplan_makes_a_connection_of_the_network_config(wifi: str, tmp_path: Path) -> None:
    boot, root = mounted(tmp_path), tmp_path / "root"
    assert told(sheet(tmp_path, {**NODE, **WIFI[wifi]}), "--to", boot)["ok"]
    config = yaml.safe_load((boot / "network-config").read_bytes())
    config["network"]["renderer"] = "NetworkManager"  # as Raspberry Pi OS has it
    (root / "etc/netplan").mkdir(parents=True)
    place = root / "etc/netplan/50-cloud-init.yaml"
    place.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    place.chmod(0o600)
    (library,) = {path.parent for path in UNPACKED.glob("libnetplan*/usr/lib/*/libnetplan.so*")}
    program = UNPACKED / "netplan.io/usr/libexec/netplan/generate"
    env = {**os.environ, "LD_LIBRARY_PATH": str(library)}
    done = subprocess.run([program, "--root-dir", root], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_text(encoding="utf-8") for path in root.rglob("*.nmconnection")}
    radios = [text for text in made.values() if "type=wifi" in text]
    assert any("interface-name=eth0" in text for text in made.values())
    assert len(radios) == (1 if WIFI[wifi] else 0)
    if WIFI[wifi]:
        assert f"ssid={WIFI[wifi]['wifi']}\n" in radios[0]
        assert ("key-mgmt=wpa-psk" in radios[0]) is bool(WIFI[wifi]["wifi_password"])
        assert WIFI_PASSWORD not in radios[0]
