"""Memory, start-up and idle CPU of the real agent without cameras."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench.rig import COMMUNE, NODE, Sender, agent, broker, node_config, percentile, workshop
from edge_agent.contract.signature import Signer

STARTS = int(os.environ.get("STARTS", "7"))
IDLE_S = float(os.environ.get("IDLE_S", "30"))


def bare_python_mb() -> float:
    """Resident MB of a Python that has only imported the fixed libraries: the floor for this stack."""
    libraries = "asyncio, sqlite3, pydantic, paho.mqtt.client, apscheduler.schedulers.asyncio, yaml, nacl.signing"
    code = f"import {libraries}; print([l for l in open('/proc/self/status') if 'VmRSS' in l][0].split()[1])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(answer.stdout) / 1024


def start_up_ms(port: int, folder: Path, signer: Signer) -> float:
    """From the start of the process to `online` at the broker."""
    config = node_config(folder, port, signer)
    sender = Sender(port, [f"edge/{COMMUNE}/{NODE}/status"])
    began = time.perf_counter()
    with agent(folder, config):
        when, _ = sender.wait(f"edge/{COMMUNE}/{NODE}/status", b'"online":true')
        while when < began:
            when, _ = sender.wait(f"edge/{COMMUNE}/{NODE}/status", b'"online":true')
    sender.close()
    return (when - began) * 1000


def idle(port: int, folder: Path, signer: Signer) -> tuple[float, float]:
    """Resident MiB after settling, and per cent of a core over a while."""
    config = node_config(folder, port, signer)
    with agent(folder, config) as child:
        time.sleep(5)
        process = psutil.Process(child.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(IDLE_S)
        after, took = process.cpu_times(), time.monotonic() - began
        used = (after.user + after.system) - (before.user + before.system)
        return process.memory_info().rss / 2**20, 100 * used / took


def main() -> None:
    """Print the table."""
    signer = Signer("bench", secrets.token_bytes(32))
    with workshop() as folder, broker(folder) as port:
        starts = [start_up_ms(port, folder, signer) for _ in range(STARTS)][1:]
        memory, cpu = idle(port, folder, signer)
    print(f"agent without cameras ({STARTS - 1} starts after one warm-up, {IDLE_S:g} s idle)")
    print(f"process start to online   {percentile(starts, 0.5):8.0f} ms  (worst {max(starts):.0f})   target 1200")
    print(f"resident memory           {memory:8.1f} MiB (bare imports {bare_python_mb():.1f})   target 60, stretch 45")
    print(f"idle CPU                  {cpu:8.2f} % of a core   target 0.5")


if __name__ == "__main__":
    main()
