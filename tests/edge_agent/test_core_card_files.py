"""What stands on a card: hashes instead of clear words, files of cloud-init and of Bookworm, the whole or the old."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from core_card import (
    NODE,
    PASSWORD,
    SSH_KEY,
    TOKEN,
    TRUSTED,
    WIFI_PASSWORD,
    boot_files,
    mounted,
    run,
    sheet,
    told,
)

from edge_agent.card.faults import CardFault
from edge_agent.card.firstrun import with_first_run, with_instance
from edge_agent.card.folder import FolderTarget
from edge_agent.card.hashing import fits, is_hash, looks_like_hash, password_hash, wifi_key
from edge_agent.card.target import write
from edge_agent.config.load import load
from edge_agent.contract.enrolment import CardEnrolment

WHOLE = {
    **NODE,
    **TRUSTED,
    "password": PASSWORD,
    "wifi": "Nhà Văn Hoá",
    "wifi_password": WIFI_PASSWORD,
    "apn": "v-internet",
    "keyboard": "us",
}


def held(boot: Path) -> dict[str, bytes]:
    return {str(file.relative_to(boot)): file.read_bytes() for file in boot.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("password", "salt", "rounds", "made"),
    [  # of Ulrich Drepper's specification
        (
            "Hello world!",
            "saltstring",
            5000,
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "Hello world!",
            "saltstringsaltstring",
            10000,
            "$6$rounds=10000$saltstringsaltst$"
            "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
    ],
)
def test_hashes_are_those_of_the_specification(password: str, salt: str, rounds: int, made: str) -> None:
    assert password_hash(password, salt, rounds) == made


@pytest.mark.parametrize("password", ["a", "Xin chào bà con", "x" * 63, "y" * 64, "z" * 200])
def test_hashes_are_those_of_openssl(password: str) -> None:
    words = ["openssl", "passwd", "-6", "-salt", "rounds=1000$ab./", "-stdin"]
    made = subprocess.run(words, input=password.encode(), capture_output=True, check=True).stdout.decode().strip()
    assert password_hash(password, "ab./", 1000) == made
    assert is_hash(made) and fits(password, made) and not fits(password + "x", made)


def test_a_cut_hash_is_no_hash_and_no_password() -> None:
    whole = password_hash(PASSWORD, rounds=1000)
    assert not is_hash(whole[:-1]) and looks_like_hash(whole[:-1])
    assert is_hash("$y$j9T$abcdefgh$" + "a" * 43)


def test_the_key_of_a_wifi_is_that_of_the_standard() -> None:
    assert wifi_key("IEEE", "password") == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert wifi_key("IEEE", "AB" * 32) == "ab" * 32


def test_a_trixie_card_holds_all_and_no_clear_word(tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    answer = told(sheet(tmp_path, WHOLE), "--to", boot)
    assert answer["ok"] and answer["written"] and answer["system"] == "trixie"
    files = held(boot)
    assert not any(word.encode() in data for data in files.values() for word in (PASSWORD, WIFI_PASSWORD))
    assert files["user-data"].startswith(b"#cloud-config\n")
    user_data = yaml.safe_load(files["user-data"])
    assert fits(PASSWORD, user_data["user"]["passwd"])
    assert user_data["user"]["ssh_authorized_keys"] == [SSH_KEY]
    assert user_data["ssh_pwauth"] is False
    assert ["systemctl", "enable", "--now", "ssh"] in user_data["runcmd"]
    assert "apn=v-internet\n" in user_data["write_files"][0]["content"]
    network = yaml.safe_load(files["network-config"])["network"]
    assert network["wifis"]["wlan0"]["access-points"] == {
        "Nhà Văn Hoá": {"password": wifi_key("Nhà Văn Hoá", WIFI_PASSWORD)}
    }
    assert network["wifis"]["wlan0"]["optional"] and network["ethernets"]["eth0"]["optional"]
    instance = yaml.safe_load(files["meta-data"])["instance-id"]
    assert files["cmdline.txt"] == boot_files()["cmdline.txt"].strip() + f" ds=nocloud;i={instance}\n".encode()
    enrolment = CardEnrolment.model_validate_json(files["edge-agent/enrol.json"])
    assert (enrolment.token, enrolment.hub) == (TOKEN, TRUSTED["hub"])
    assert load(boot / "edge-agent/node.yaml").config is not None
    assert set(files) == {*boot_files(), "edge-agent/enrol.json", "edge-agent/node.yaml"}


def test_each_writing_is_a_new_instance_and_only_one_is_on_the_command_line(tmp_path: Path) -> None:
    boot, path = mounted(tmp_path), sheet(tmp_path, NODE)
    seen = set()
    for _ in range(2):
        told(path, "--to", boot)
        instance = yaml.safe_load((boot / "meta-data").read_bytes())["instance-id"]
        assert (boot / "cmdline.txt").read_text().count("ds=nocloud") == 1
        assert f"ds=nocloud;i={instance}" in (boot / "cmdline.txt").read_text()
        seen.add(instance)
    assert len(seen) == 2


def test_the_next_box_on_a_card_gets_nothing_of_the_last(tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    (tmp_path / "bi-mat").mkdir()
    (tmp_path / "bi-mat/camera").write_text("mat khau camera")
    path = sheet(tmp_path, {**WHOLE, "secrets": "bi-mat"}, {**NODE, "name": "thon-tay"})
    notes = told(path, "--node", "thon-dong", "--to", boot)["notes"]
    assert any("edge-agent/secrets" in note for note in notes)
    assert (boot / "edge-agent/secrets/camera").read_text() == "mat khau camera"
    (boot / "edge-agent/KET-QUA.txt").write_text("old")
    (boot / "edge-agent/node.yaml.new").write_text("left by a cut")
    (boot / "edge-agent/enrol.json.new").write_text("left by a cut")
    notes = told(path, "--node", "thon-tay", "--to", boot)["notes"]
    assert any("thon-dong" in note and "thon-tay" in note for note in notes)
    assert set(held(boot)) == {*boot_files(), "edge-agent/node.yaml"}
    assert "wifis" not in (boot / "network-config").read_text()


def test_ten_cards_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "hop.yaml").write_text("drivers: []\n")
    path = sheet(tmp_path, *({**NODE, "name": f"nut-{number}", "devices": "hop.yaml"} for number in range(10)))
    for number in range(10):
        boot = mounted(tmp_path).rename(tmp_path / f"card-{number}")
        told(path, "--node", f"nut-{number}", "--to", boot)
        config = load(boot / "edge-agent/node.yaml").config
        assert config is not None and config.node.name == f"nut-{number}"
    assert run(path, "--to", boot).exit_code == 2  # which one?
    assert run(path, "--node", "nut-11", "--to", boot).exit_code == 2


def test_a_look_writes_nothing_and_shows_no_secret(tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    before = held(boot)
    result = run(sheet(tmp_path, WHOLE), "--to", boot, "--dry-run", "--diff")
    assert result.exit_code == 0 and held(boot) == before
    assert "hostname: thon-dong" in result.stdout
    key = wifi_key("Nhà Văn Hoá", WIFI_PASSWORD)
    assert not any(secret in result.output for secret in (TOKEN, PASSWORD, WIFI_PASSWORD, key, "$6$"))


def test_a_look_at_bookworm_shows_no_secret(tmp_path: Path) -> None:
    boot = mounted(tmp_path, "bookworm")
    output = run(sheet(tmp_path, WHOLE), "--to", boot, "--dry-run", "--diff").output
    assert "set_hostname thon-dong" in output
    assert not any(secret in output for secret in (TOKEN, wifi_key("Nhà Văn Hoá", WIFI_PASSWORD), "$6$"))


HELPER = '#!/bin/sh\nprintf "%s" "${0##*/}" >>"$LOG"\nprintf "|%s" "$@" >>"$LOG"\necho >>"$LOG"\nexit 1\n'


def test_bookworms_script_calls_the_systems_helpers_and_undoes_itself(tmp_path: Path) -> None:
    """The helpers are Raspberry Pi OS's own; here they write down what they are given, and fail."""
    boot = mounted(tmp_path, "bookworm")
    assert told(sheet(tmp_path, WHOLE), "--to", boot)["system"] == "bookworm"
    line = (boot / "cmdline.txt").read_text()
    assert "systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot" in line
    root, log = tmp_path / "root", tmp_path / "log"
    for name in ("usr/lib/raspberrypi-sys-mods/imager_custom", "usr/lib/userconf-pi/userconf"):
        helper = root / name
        helper.parent.mkdir(parents=True)
        helper.write_text(HELPER)
        helper.chmod(0o755)
    (root / "etc/NetworkManager/system-connections").mkdir(parents=True)
    script = (boot / "firstrun.sh").read_text()
    moved = (
        script.replace("/usr/lib", f"{root}/usr/lib")
        .replace("/etc/", f"{root}/etc/")
        .replace("/boot/firmware", str(boot))
    )
    subprocess.run(["sh", "-c", moved], check=True, env={**os.environ, "LOG": str(log)})
    calls = log.read_text(encoding="utf-8").splitlines()
    account = calls.pop(2).split("|")
    assert account[:2] == ["userconf", "edge"] and fits(PASSWORD, account[2])
    assert calls == [
        "imager_custom|set_hostname|thon-dong",
        f"imager_custom|enable_ssh|-k|{SSH_KEY}",
        f"imager_custom|set_wlan|Nhà Văn Hoá|{wifi_key('Nhà Văn Hoá', WIFI_PASSWORD)}|VN",
        "imager_custom|set_timezone|Asia/Ho_Chi_Minh",
        "imager_custom|set_keymap|us",
    ]
    modem = root / "etc/NetworkManager/system-connections/edge-agent-4g.nmconnection"
    assert "apn=v-internet\n" in modem.read_text() and modem.stat().st_mode & 0o777 == 0o600
    assert not (boot / "firstrun.sh").exists()
    assert (boot / "cmdline.txt").read_bytes() == boot_files()["cmdline.txt"]


def test_bookworms_script_is_sound_shell(tmp_path: Path) -> None:
    boot = mounted(tmp_path, "bookworm")
    told(sheet(tmp_path, {**NODE, "wifi": 'it\'s $(reboot) `x` "y"'}), "--to", boot)
    subprocess.run(["sh", "-n", boot / "firstrun.sh"], check=True)
    assert "'it'\"'\"'s $(reboot) `x` \"y\"'" in (boot / "firstrun.sh").read_text()


def test_the_command_line_keeps_what_is_not_ours() -> None:
    line = "console=tty1 systemd.run=/boot/firstrun.sh systemd.unit=kernel-command-line.target quiet ds=nocloud;i=old"
    assert with_instance(line, "new") == "console=tty1 quiet ds=nocloud;i=new"
    assert with_first_run(with_first_run("console=tty1 quiet")).count("systemd.run=") == 1


def test_a_folder_that_is_no_card_of_a_pi_is_left_alone(tmp_path: Path) -> None:
    stick = tmp_path / "photos"
    stick.mkdir()
    path = sheet(tmp_path, NODE)
    assert told(path, "--to", stick)["code"] == "card.no_system"
    assert list(stick.iterdir()) == []
    assert told(path, "--to", tmp_path / "nowhere")["code"] == "card.no_folder"
    assert told(path, "--to", stick, "--system", "trixie")["ok"]  # somebody who is sure


class Tearing(FolderTarget):
    """A card that fails at one of its writes, renames or reads."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self._left = at

    def _step(self, path: str) -> None:
        self._left -= 1
        if self._left == 0:
            raise CardFault("card.unwritable", path=path, detail="torn")

    def put(self, path: str, data: bytes) -> None:
        self._step(path)
        super().put(path, data)

    def rename(self, old: str, new: str) -> None:
        self._step(new)
        super().rename(old, new)

    def read(self, path: str) -> bytes | None:
        self._step(path)
        return super().read(path)


def test_a_card_that_fails_at_any_step_is_as_it_was(tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    files = {"gone.txt": None, "edge-agent/node.yaml": b"new", "user-data": b"new", "meta-data": b"new"}
    (boot / "gone.txt").write_bytes(b"old")
    before = held(boot)
    for step in range(1, 100):
        try:
            write(Tearing(boot, step), files)
        except CardFault:
            assert held(boot) == before, step
        else:
            break
    assert step == 18  # 3 written and read, 4 read for going back, 3 renamed, 4 read, all without a fault
    assert (boot / "user-data").read_bytes() == b"new" and not (boot / "gone.txt").exists()


class Pulled(FolderTarget):
    """A card that is pulled out after its first file: the empty folder below it comes to light."""

    def put(self, path: str, data: bytes) -> None:
        super().put(path, data)
        if path == "user-data.new":
            self._root.rename(self._root.with_name("in the hand"))
            self._root.mkdir()


def test_a_card_that_is_pulled_out_is_not_written_onto_the_laptop(tmp_path: Path) -> None:
    boot = mounted(tmp_path)
    with pytest.raises(CardFault) as caught:
        write(Pulled(boot), {"user-data": b"new", "edge-agent/node.yaml": b"new"})
    assert caught.value.code == "card.gone" and held(boot) == {}
    told(sheet(tmp_path, NODE), "--to", tmp_path / "in the hand")
    assert not any(name.endswith(".new") for name in held(tmp_path / "in the hand"))


def test_json_is_for_programs(tmp_path: Path) -> None:
    answer = told(sheet(tmp_path, WHOLE), "--to", mounted(tmp_path), "--dry-run")
    assert answer["written"] is False and answer["node"] == "26734/thon-dong"
    assert {each["change"] for each in answer["files"]} == {"new", "changed"}
    assert TOKEN not in json.dumps(answer)
