"""A whole board in a virtual machine: its image, power, what it says, and commands of the test inside it.

The processor is emulated, so a second of the machine does about a tenth of a second's work; its clock is the real one.
A power cut is SIGKILL to the emulator: all that the machine handed to its disk stays, all else is gone.
"""

import base64
import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system_rig import ROOT

BOOT_AT = 4 << 20
"""Where the FAT partition begins on the disk, in bytes."""
ROOT_AT = 256 << 20
"""Where the ext4 partition begins."""
HOST = "10.0.2.2"
"""The test's own machine as the board sees it; it reaches what listens on the loopback there."""
SOUND = "/tmp/heard.wav"


class BoardFault(AssertionError):
    """The machine did not do what it should; the message ends with the last lines of its console."""


@dataclass(frozen=True)
class Done:
    """What a command in the machine came to."""

    code: int
    out: str


@functools.cache
def image(package: Path | None) -> Path:
    """The folder with a board's disk, kernel and first files; made at the first call. Raises when it cannot be made."""
    return _made("image", *([package] if package else []))


@functools.cache
def _emulator() -> tuple[list[str], dict[str, str]]:
    """How to call qemu, and what to set for it: this machine's own, or what scripts/vm/build has unpacked."""
    if own := shutil.which("qemu-system-x86_64"):
        return [own], {}
    root = _made("build") / "root"
    places = [word for place in ("share/qemu", "share/seabios", "lib/ipxe/qemu") for word in ("-L", str(root / place))]
    return [str(root / "bin/qemu-system-x86_64"), *places], {"LD_LIBRARY_PATH": str(root / "lib/x86_64-linux-gnu")}


def _made(script: str, *words: Path) -> Path:
    made = subprocess.run(
        [ROOT / "scripts/vm" / script, *words], capture_output=True, text=True, timeout=1800, check=False
    )
    assert made.returncode == 0, made.stderr[-4000:]
    return Path(made.stdout.strip().splitlines()[-1])


class Board:
    """One board with a card of its own in `folder`. `memory_mb`: what it has; `ntp_port`: a time server on loopback."""

    def __init__(self, made: Path, folder: Path, *, memory_mb: int = 1024, ntp_port: int | None = None) -> None:
        self.folder = folder
        self.disk = folder / "disk.img"
        self.console = folder / "console.log"
        self._made = made
        self._memory_mb = memory_mb
        self._words = f"board.ntp={HOST}:{ntp_port}" if ntp_port else ""
        self._process: subprocess.Popen[bytes] | None = None
        self._shell: socket.socket | None = None
        self._left = b""
        self._count = 0
        self._turn = threading.Lock()
        self._powered = 0.0
        self._root = folder / "root.img"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", made / "disk.img", self.disk], check=True)

    # -- power

    def boot(self, card: dict[str, str | bytes] | None = None) -> None:
        """Put files onto the card's FAT partition and power the board on."""
        assert self._process is None, "it is on"
        for name, content in (card or {}).items():
            self.write_card(name, content)
        shell = self.folder / "shell"
        shell.unlink(missing_ok=True)
        self._powered = time.monotonic()
        command, more = self._machine(shell), _emulator()[1]
        with (self.folder / "emulator.log").open("a") as output:
            self._process = subprocess.Popen(
                command, env={**os.environ, **more}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._connect(shell)

    def _machine(self, shell: Path) -> list[str]:
        words = "root=/dev/vda2 ro console=ttyS0 net.ifnames=0 fsck.repair=yes mitigations=off panic=5"
        return [
            *_emulator()[0],
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(self._memory_mb),
            "-nodefaults", "-display", "none", "-no-user-config",
            "-kernel", str(self._made / "kernel"), "-initrd", str(self._made / "initrd"),
            "-append", f"{words} random.trust_cpu=on systemd.watchdog_sec=120 {self._words}",
            "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console",
            "-drive", f"file={self.disk},if=virtio,format=raw,cache=writeback",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=shell,path={shell},server=on,wait=off",
            "-device", "virtserialport,chardev=shell,name=board.shell",
            "-device", "i6300esb", "-action", "watchdog=reset", "-device", "virtio-rng-pci",
        ]  # fmt: skip

    def _connect(self, shell: Path) -> None:
        limit = time.monotonic() + 20
        while True:
            self._shell = socket.socket(socket.AF_UNIX)
            try:
                self._shell.connect(str(shell))
                self._left = b""
                return
            except OSError:
                self._shell.close()
                if time.monotonic() > limit or not self.on:
                    raise BoardFault((self.folder / "emulator.log").read_text()) from None
                time.sleep(0.05)

    @property
    def on(self) -> bool:
        """Whether it has power."""
        return self._process is not None and self._process.poll() is None

    @property
    def up_s(self) -> float:
        """Seconds since power, by this machine."""
        return time.monotonic() - self._powered

    def power_cut(self) -> None:
        """Take its power away, in the middle of whatever it does."""
        process, self._process = self._process, None
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if process is not None:
            process.kill()
            process.wait(20)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        self.power_cut()

    # -- what it says and does

    def said(self) -> str:
        """All that came out of its serial console, of all boots."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def run(self, command: str, limit_s: float = 120) -> Done:
        """Run a line of bash as root. Raises BoardFault when there is no answer in time (before it has booted, say)."""
        with self._turn:
            self._count += 1
            asked = f"{os.getpid()}-{self._count}-{self._powered}"
            assert self._shell is not None, "it has no power"
            self._shell.settimeout(limit_s)
            try:
                self._shell.sendall(json.dumps({"id": asked, "run": command}).encode() + b"\n")
                for line in self._lines(time.monotonic() + limit_s):
                    answer = json.loads(line)
                    if answer["id"] == asked:
                        return Done(answer["code"], base64.b64decode(answer["out"]).decode(errors="replace"))
            except OSError as error:
                raise BoardFault(f"no answer to {command!r}: {error}\n{self.said()[-3000:]}") from error
        raise BoardFault(f"no answer to {command!r}\n{self.said()[-3000:]}")

    def _lines(self, limit: float) -> Iterator[bytes]:
        assert self._shell is not None
        while time.monotonic() < limit:
            while b"\n" not in self._left:
                if not (piece := self._shell.recv(65536)):
                    return
                self._left += piece
            line, _, self._left = self._left.partition(b"\n")
            yield line

    def ask(self, command: str, limit_s: float = 120) -> str:
        """The output of a command that must succeed."""
        done = self.run(command, limit_s)
        if done.code:
            raise BoardFault(f"{command!r} ended with {done.code}: {done.out[-3000:]}")
        return done.out.strip()

    def wait_for(self, wanted: str | Callable[[], Any], limit_s: float = 300) -> Any:
        """Wait until this stands on the console, or until this gives something true; what it gave."""
        limit = time.monotonic() + limit_s
        while True:
            found = wanted in self.said() if isinstance(wanted, str) else wanted()
            if found:
                return found
            if time.monotonic() > limit or not self.on:
                raise BoardFault(f"it did not come to {wanted}\n{self.said()[-3000:]}")
            time.sleep(0.3)

    def wait_until_up(self, limit_s: float = 400) -> float:
        """Wait for the end of its boot; its own seconds since power then."""
        self.ask("systemctl is-system-running --wait >/dev/null; true", limit_s)
        return float(self.ask("cut -d' ' -f1 /proc/uptime"))

    # -- its board

    def line(self, pin: int) -> int:
        """What a GPIO line carries now: 0 or 1."""
        return int(self.ask(f"cat /sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio{pin}/value"))

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record the other end of its sound card into SOUND. Both ends must agree: 48 kHz, as the speaker asks."""
        record = f"arecord -q -D hw:Loopback,1,0 -f S16_LE -c1 -r48000 {SOUND}"
        self.ask(f"rm -f {SOUND}; systemd-run -q --unit=heard {record}")
        try:
            yield
        finally:
            self.run("systemctl stop heard")

    # -- its card, without power

    def write_card(self, name: str, content: str | bytes) -> None:
        """Put a file onto the FAT partition, with the folders on its way."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            self._mtools("mmd", "-D", "s", f"::{'/'.join(parts[:depth])}", check=False)
        file = self.folder / "to-card"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self._mtools("mcopy", "-o", str(file), f"::{name}")

    def read_card(self, name: str) -> bytes | None:
        """A file of the FAT partition; None: there is none."""
        done = self._mtools("mcopy", f"::{name}", "-", check=False)
        return done.stdout if done.returncode == 0 else None

    def _mtools(self, program: str, *words: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        assert self._process is None, "the card is in use"
        return subprocess.run(
            [program, "-i", f"{self.disk}@@{BOOT_AT}", *words],
            capture_output=True, stdin=subprocess.DEVNULL, check=check, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"},
        )  # fmt: skip

    def mend(self) -> None:
        """Take a copy of the root's partition and replay its journal, as the next boot would; `read_root` reads it."""
        assert self._process is None, "the disk is in use"
        self._root = self.folder / "root.img"
        skip = f"skip={ROOT_AT >> 20}"
        subprocess.run(
            ["dd", f"if={self.disk}", f"of={self._root}", "bs=1M", skip, "conv=sparse", "status=none"], check=True
        )
        program = shutil.which("e2fsck") or "/usr/sbin/e2fsck"
        done = subprocess.run([program, "-p", self._root], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr

    def read_root(self, path: str) -> bytes | None:
        """A file of the ext4 partition as `mend` found it; None: there is none, or it is empty."""
        target = self.folder / "from-root"
        target.unlink(missing_ok=True)
        program = shutil.which("debugfs") or "/usr/sbin/debugfs"
        subprocess.run([program, "-R", f"dump {path} {target}", self._root], capture_output=True, check=True)
        return target.read_bytes() if target.exists() and target.stat().st_size else None
