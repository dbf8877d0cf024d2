"""Zones are told by the names that people gave them."""

from edge_agent.cameras.places import Places
from edge_agent.config.cameras import CameraEntry

CORNERS = [[0, 0], [1, 0], [1, 1]]


def entry(zones: list[dict[str, object]]) -> CameraEntry:
    motion = {"zones": [{"points": CORNERS, **zone} for zone in zones]}
    return CameraEntry.model_validate({"id": "cong", "name": "Cổng", "url": "rtsp://10.0.0.20/1", "motion": motion})


def test_a_zone_without_a_name_and_one_that_is_gone_are_told_by_their_ids() -> None:
    places = Places([entry([{"id": "duong", "name": "Đường làng"}, {"id": "san"}])])
    assert places.of("cong", ("duong", "san", "da-bo")) == ("Đường làng", "san", "da-bo")
    assert places.of("khac", ("duong",)) == ("duong",)
