"""Command round trip: send -> verified -> line switched -> state seen by the sender, beside a plain paho echo.

The limit in the same run: the same sender, the same broker, and an echo client that only sends back. Durable
`accepted` is compared with an fsync of this disk.
"""

import os
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.rig import COMMUNE, NODE, Sender, agent, broker, node_config, percentile, process, workshop
from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

ROUNDS = int(os.environ.get("ROUNDS", "2000"))
ROOT = f"edge/{COMMUNE}/{NODE}"


def echo_times(port: int, folder: Path, rounds: int) -> list[float]:
    """Milliseconds of a plain QoS 1 echo between two paho clients."""
    with process(sys.executable, "-m", "bench.echo", str(port), log=folder / "echo.log"):
        sender = Sender(port, ["echo/back", "echo/ready"])
        sender.wait("echo/ready", b"")
        times = []
        for number in range(rounds):
            body = b"%06d" % number + b"x" * 500  # about as long as a signed command
            began = sender.publish("echo/there", body)
            when, _ = sender.wait("echo/back", body[:6])
            times.append((when - began) * 1000)
        sender.close()
    return times[rounds // 10 :]


def command_times(port: int, folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds until the state is seen, and until `accepted`."""
    signer = Signer("bench", secrets.token_bytes(32))
    config = node_config(folder, port, signer, telemetry={"every_s": 3600})
    states, accepted = [], []
    with agent(folder, config):
        sender = Sender(port, [f"{ROOT}/state/light/lamp", f"{ROOT}/ack", f"{ROOT}/status"])
        sender.wait(f"{ROOT}/status", b'"online":true')
        for number in range(rounds):
            level = 100 if number % 2 == 0 else 0
            now = datetime.now(UTC)
            command = Command.model_validate(
                {
                    "id": uuid7(),
                    "to": f"{COMMUNE}/{NODE}",
                    "by": "bench",
                    "at": now,
                    "expires": now + timedelta(minutes=5),
                    "args": {"do": "switch.override", "thing": "lamp", "level": level},
                }
            )
            body = signer.sign(command.model_dump_json().encode())
            began = sender.publish(f"{ROOT}/cmd", body)
            when, _ = sender.wait(f"{ROOT}/state/light/lamp", b'"actual":%d.0' % level)
            states.append((when - began) * 1000)
            when, _ = sender.wait(f"{ROOT}/ack", b'"accepted"')
            accepted.append((when - began) * 1000)
            sender.wait(f"{ROOT}/ack", b'"done"')
        sender.close()
    return states[rounds // 10 :], accepted[rounds // 10 :]


def fsync_times(folder: Path, rounds: int = 500) -> list[float]:
    """Milliseconds of an fdatasync after 4 KiB appended: what one durable record costs at least."""
    times = []
    descriptor = os.open(folder / "fsync", os.O_CREAT | os.O_WRONLY)
    for number in range(rounds):
        os.pwrite(descriptor, b"x" * 4096, number * 4096)
        began = time.perf_counter()
        os.fdatasync(descriptor)
        times.append((time.perf_counter() - began) * 1000)
    os.close(descriptor)
    return times


def main() -> None:
    """Print the table."""
    with workshop() as folder, broker(folder) as port:
        echo = echo_times(port, folder, ROUNDS)
        state, accepted = command_times(port, folder, ROUNDS)
        sync = fsync_times(folder)
    e50, e99 = percentile(echo, 0.5), percentile(echo, 0.99)
    s50, s99 = percentile(state, 0.5), percentile(state, 0.99)
    a50, f50 = percentile(accepted, 0.5), percentile(sync, 0.5)
    print(f"{'':34} {'p50 ms':>8} {'p99 ms':>8}   ({ROUNDS} rounds, mosquitto, QoS 1, loopback)")
    print(f"{'plain paho echo (the limit)':34} {e50:8.2f} {e99:8.2f}")
    print(f"{'command -> line -> state seen':34} {s50:8.2f} {s99:8.2f}   target 1.2 / 3")
    print(f"{'  ratio to the echo':34} {s50 / e50:8.2f} {s99 / e99:8.2f}   target 2 / 3")
    print(f"{'command -> durable accepted':34} {a50:8.2f} {percentile(accepted, 0.99):8.2f}")
    print(f"{'fdatasync of this disk':34} {f50:8.2f} {percentile(sync, 0.99):8.2f}")
    print(f"{'  accepted beyond echo, in fsyncs':34} {(a50 - e50) / f50:8.2f} {'':8}   target 1.5")


if __name__ == "__main__":
    main()
