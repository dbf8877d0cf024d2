"""What the console says of a camera's room for video: no fractions, hours where there are few days."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edge_agent.contract.reports import CameraState, VideoState
from hub.cameras.words import facts
from hub.sentences import Speaker

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "vi", "en"),
    [
        (0.01, "Lưu được chưa đến 1 giờ", "Room for less than an hour"),
        (0.1, "Lưu được 2 giờ", "Room for 2 h"),
        (1.9, "Lưu được 46 giờ", "Room for 46 h"),
        (2.6, "Lưu được 3 ngày", "Room for 3 days"),
    ],
)
def test_room_for_video_is_told_in_whole_hours_or_days(days: float, vi: str, en: str) -> None:
    state = CameraState(id="cong", at=NOW, actual="streaming", recording=True, main=VideoState(), days_left=days)
    for speak in (Speaker("vi", ZoneInfo("Asia/Ho_Chi_Minh"), NOW), Speaker("en", ZoneInfo("Asia/Ho_Chi_Minh"), NOW)):
        assert (vi if speak.language == "vi" else en) in [fact.text for fact in facts(speak, state, online=True)]
