"""`watch` outlives the broker it listens to."""

import os
import subprocess
import sys
from pathlib import Path

from bench.rig import broker, process, wait_for_port


def test_watch_waits_for_a_broker_that_went_away(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        hub = tmp_path / "hub.yaml"
        hub.write_text(f"broker: {{url: 'mqtt://127.0.0.1:{port}'}}\nsigning_key: {{id: a, file: seed}}\n")
        (tmp_path / "seed").write_bytes(bytes(range(32)))
        watching = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "watch", "--for", "60", "--hub", str(hub)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "EDGE_LANG": "vi"},
        )
        log = tmp_path / "mosquitto.log"
        while "New client connected" not in log.read_text():
            assert watching.poll() is None
    try:
        assert watching.stderr is not None
        assert "Đang nghe" in watching.stderr.readline()
        assert "đang nối lại" in watching.stderr.readline()
        with process("mosquitto", "-c", str(tmp_path / "mosquitto.conf"), log=tmp_path / "again.log"):
            wait_for_port(port)
            assert watching.stderr.readline().strip() == "Đã nối lại."
    finally:
        watching.terminate()
        watching.wait(20)
