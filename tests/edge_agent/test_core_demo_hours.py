"""The demo's lawful hours: whoever starts it is heard at whatever hour, and at some hour the law says no."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.calendar import permit
from edge_agent.calendar.policy import policy_of
from edge_agent.config.load import load
from edge_agent.demo.hours import MINUTES, section, told, windows
from edge_agent.demo.layout import NODES, Layout
from hub.bulletins.hours import policy_of as hub_policy_of
from hub.config import load as load_hub

HERE = ZoneInfo("Asia/Ho_Chi_Minh")
LATE = "00:00–01:00, 05:00–11:30, 13:30–20:00, 22:00–24:00"
DAY = datetime(2026, 11, 23, tzinfo=HERE)


@pytest.mark.parametrize("minute", range(0, 24 * 60, 29))
def test_what_is_tried_soon_after_the_start_is_lawful_and_some_hour_is_not(minute: int) -> None:
    start = DAY + timedelta(minutes=minute, seconds=59)
    spans = windows(start)
    assert all(before[1] < after[0] for before, after in pairwise(spans))

    def open_at(at: datetime) -> bool:
        return any(begin <= at.hour * 60 + at.minute < end for begin, end in spans)

    assert all(open_at(start + timedelta(minutes=later)) for later in range(179))
    assert any(not open_at(DAY + timedelta(minutes=each)) for each in range(24 * 60))
    assert len(section(spans)["windows"]) == len(spans)


@pytest.mark.parametrize(("hour", "expected"), [(9, "05:00–12:00, 13:30–20:00"), (22, LATE)])
def test_hub_and_nodes_keep_the_same_hours_and_voices(tmp_path: Path, hour: int, expected: str) -> None:
    start = DAY.replace(hour=hour)
    assert told(windows(start)) == expected
    layout = Layout(tmp_path, 1883, 8080, None, start)
    layout.prepare()
    hub = load_hub(layout.hub)
    at_hub = hub_policy_of(hub.hours)
    voices = {(one.id, one.name) for one in hub.voice.chain}
    assert len(voices) == 2
    for name in NODES:
        node = load(layout.node(name)).config
        assert node is not None
        policy = policy_of(node.broadcast.hours)
        assert (
            (policy.windows, policy.session_s) == (at_hub.windows, at_hub.session_s) == (windows(start), MINUTES * 60)
        )
        assert permit(policy, "ordinary", start, 60, (), HERE).allowed
        assert permit(policy, "ordinary", DAY.replace(hour=2), 60, (), HERE).rule == "hours.window"
        assert permit(policy, "priority", DAY.replace(hour=2), 60, (), HERE).allowed
        assert voices <= {(one.id, one.name) for one in node.voice.chain}
