"""An upload takes what is free and leaves when others need it: measured on a simulated queue, and on a real socket."""

import random
import socket

import pytest

from edge_agent.media.pace import FASTEST, SLOWEST, TARGET_S, Pace


class Modem:
    """A queue in front of a slow uplink; the round trip time is smoothed as the kernel does (RFC 6298)."""

    def __init__(self, rate: float, base_s: float) -> None:
        self.rate, self.base_s = rate, base_s
        self.queued, self.chance = 0.0, random.Random(1)
        self.srtt = base_s
        self.passed = 0.0

    def run(self, pace: Pace, seconds: float, begin: float, others: float = 0.0) -> list[float]:
        """Send as the pace says beside `others` bytes a second; returns how long the queue was in each 10 ms."""
        delays, since, unanswered, step = [], 0.0, 0.0, 0.01
        for n in range(int(seconds / step)):
            mine = pace.rate * step
            self.queued = max(0.0, self.queued + mine + others * step - self.rate * step)
            delays.append(self.queued / self.rate)
            self.passed += mine
            since += mine
            unanswered += mine
            if unanswered >= 1400 * 2:  # an answer for every second segment
                unanswered = 0.0
                self.srtt += (self.base_s + delays[-1] + self.chance.uniform(0, 0.003) - self.srtt) / 8
            if since >= pace.news:
                since = 0.0
                pace.judge(self.srtt, self.base_s, begin + n * step)
        return delays


@pytest.mark.parametrize("rate", [12_500, 50_000, 250_000])
def test_it_takes_most_of_a_free_way_without_filling_its_queue(rate: int) -> None:
    modem, pace = Modem(rate, 0.06), Pace()
    modem.run(pace, 20, 0.0)
    modem.passed = 0.0
    delays = sorted(modem.run(pace, 60, 20.0))
    assert modem.passed / 60 > 0.4 * rate
    assert delays[len(delays) * 95 // 100] < 6 * TARGET_S


def test_it_makes_room_for_a_live_view_and_comes_back() -> None:
    modem, pace = Modem(50_000, 0.06), Pace()
    modem.run(pace, 30, 0.0)
    beside = modem.run(pace, 60, 30.0, others=40_000)
    assert sorted(beside[1000:])[-300] < 6 * TARGET_S
    modem.passed = 0.0
    modem.run(pace, 30, 90.0)
    assert modem.passed / 30 > 15_000


def test_its_rate_stays_within_bounds() -> None:
    pace = Pace()
    for n in range(500):
        pace.judge(5.0, 0.05, n * 0.1)
    assert pace.rate == SLOWEST and pace.piece >= 1400
    for n in range(500):
        pace.judge(0.05, 0.05, 60 + n * 0.1)
    assert pace.rate == FASTEST and pace.piece <= 16_384


def test_a_way_whose_least_delay_was_wrongly_taken_is_learnt_anew() -> None:
    """A connection that begins while the queue is full measures too long a least time; minutes later it is gone."""
    pace = Pace()
    pace.judge(0.02, 0.02, 0.0)
    for minute in range(12):
        pace.judge(0.2, 0.2, 60.0 * minute)
    assert pace.delay_s == 0.0


def test_the_kernel_tells_what_is_needed() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as sock, server.accept()[0] as peer:
        pace = Pace()
        pace.prepare(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 128 * 1024
        rate, now = pace.rate, 100.0
        for _ in range(60):
            sock.sendall(bytes(1400))
            peer.recv(1400, socket.MSG_WAITALL)
            now += 0.05
            assert 0 <= pace.sent(1400, sock, now) < 1
        assert rate < pace.rate <= FASTEST and pace.delay_s < 1
