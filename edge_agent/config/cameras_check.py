"""What no single key of a camera can tell: video that would go at once, masks and addresses that cannot be meant.

Works on the raw data, so that these mistakes are found together with all others. What may be meant is a note.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as File
from typing import Any, TypeGuard

from camera.polygon import check_corners, covered
from camera.settings import Retention
from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.problems import guess
from edge_agent.config.video_room import MBIT_S, amount, days_of, span

_DEFAULT = Retention()


def cameras_check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings of this kind."""
    seen: dict[str, int] = {}
    for place, entry in entries(data, "cameras"):
        path: Path = ("cameras", place)
        yield from _same_address(path, entry, seen)
        yield from _account(path, entry)
        motion = entry.get("motion")
        if entry.get("keep") == "events" and motion is None:
            yield Finding((*path, "keep"), "config.keep_no_motion")
        yield from _retention(path, entry)
        if isinstance(motion, Mapping):
            yield from _detector((*path, "motion", "detector"), motion.get("detector"))
            yield from _masks((*path, "motion"), motion)
            if motion.get("stream") == "sub" and entry.get("sub_url") is None:
                yield Finding((*path, "motion", "stream"), "config.no_sub_url")
    yield from _room(data)


def _same_address(path: Path, entry: Mapping[str, Any], seen: dict[str, int]) -> Iterator[Finding]:
    url, place = entry.get("url"), path[1]
    if not isinstance(url, str) or not isinstance(place, int):
        return
    if url in seen:
        yield Finding((*path, "url"), "config.same_camera", {"other": f"cameras[{seen[url]}]"}, note=True)
    seen.setdefault(url, place)
    if entry.get("sub_url") == url:
        yield Finding((*path, "sub_url"), "config.same_stream", note=True)


def _account(path: Path, entry: Mapping[str, Any]) -> Iterator[Finding]:
    user = entry.get("username")
    if entry.get("password") is not None and user is None:
        yield Finding((*path, "password"), "config.camera_no_user")
    if isinstance(user, str) and (":" in user or not user):
        yield Finding((*path, "username"), "config.camera_user")


def _retention(path: Path, entry: Mapping[str, Any]) -> Iterator[Finding]:
    given = entry.get("retention")
    if entry.get("motion") is None or not isinstance(given, Mapping):
        return
    days, event_days = given.get("days", _DEFAULT.days), given.get("event_days", _DEFAULT.event_days)
    if all(isinstance(each, int | float) for each in (days, event_days)) and event_days < days:
        key = "event_days" if "event_days" in given else "days"
        params: dict[str, str | int | float] = {"days": f"{days:g}", "event_days": f"{event_days:g}"}
        yield Finding((*path, "retention", key), "config.event_days", params, note=True)


def _room(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Limits in bytes that end long before the days do."""
    recorded = [each for each in entries(data, "cameras") if each[1].get("record", True) is True]
    asked: list[float] = []
    for place, entry in recorded:
        given = entry.get("retention")
        retention: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        days, size = retention.get("days", _DEFAULT.days), retention.get("bytes")
        if entry.get("keep", "all") == "all" and _is_figure(days):
            asked.append(days)
            if _is_figure(size) and days_of(size) < days:
                yield _short(("cameras", place, "retention", "bytes"), size, 1, days)
    video = data.get("video")
    disk = video.get("disk") if isinstance(video, Mapping) else None
    limit = disk.get("bytes") if isinstance(disk, Mapping) else None
    if _is_figure(limit) and asked and days_of(limit, len(recorded)) < min(asked):
        yield _short(("video", "disk", "bytes"), limit, len(recorded), min(asked))


def _short(path: Path, size: float, cameras: int, days: float) -> Finding:
    lasts = span(days_of(size, cameras))
    told: dict[str, str | int | float] = {"amount": amount(size), "span": lasts, "days": f"{days:g}", "rate": MBIT_S}
    return Finding(path, "config.video_short", {**told, "count": cameras}, note=True)


def _is_figure(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _detector(path: Path, detector: Any) -> Iterator[Finding]:
    if not isinstance(detector, Mapping):
        return
    labels = [label for label in _list(detector.get("labels")) if isinstance(label, str)]
    for place, wanted in enumerate(_list(detector.get("wanted"))):
        if isinstance(wanted, str) and wanted not in labels:
            params: dict[str, str | int | float] = {"name": wanted, "known": listed(labels)}
            yield Finding((*path, "wanted", place), "config.no_label", params, guess(wanted, labels))
    model = detector.get("model")
    if isinstance(model, str) and not File(model).is_file():
        yield Finding((*path, "model"), "config.no_model", {"file": model}, note=True)


def _masks(path: Path, motion: Mapping[str, Any]) -> Iterator[Finding]:
    masks = [mask for mask in _list(motion.get("masks")) if _is_polygon(mask)]
    if covered(masks):
        yield Finding((*path, "masks"), "config.mask_all")
        return
    for place, zone in enumerate(_list(motion.get("zones"))):
        points = zone.get("points") if isinstance(zone, Mapping) else None
        if _is_polygon(points) and covered(masks, points):
            yield Finding((*path, "zones", place), "config.mask_zone", {"zone": str(zone.get("id", place))})


def _is_polygon(value: Any) -> bool:
    """Whether it is one at all; what is wrong with another is told by the model of the whole file."""
    if not isinstance(value, list):
        return False
    try:
        check_corners(value)
    except ValueError:
        return False
    return all(isinstance(x, int | float) for corner in value if isinstance(corner, list) for x in corner) and all(
        isinstance(corner, list) and len(corner) == 2 for corner in value
    )


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
