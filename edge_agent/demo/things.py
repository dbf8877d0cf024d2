"""What is switched and measured in the demo: three simulated cabinets, as a commune has them."""

from collections.abc import Iterator
from typing import Any

_NIGHT = {"on": "sunset-15m", "off": "sunrise+10m"}
_CABINET = {
    "cua-tu": ("Cửa tủ", "door"),
    "dien-luoi": ("Điện lưới", "supply"),
    "ro-dien": ("Rò điện", "leakage"),
    "ap-to-mat": ("Áp-tô-mát tổng", "breaker"),
    "tay-gat": ("Tay gạt", "hand"),
    "dien-ap": ("Điện áp", "voltage"),
    "cong-suat": ("Công suất cả tủ", "power"),
    "cong-to": ("Công-tơ cả tủ", "energy"),
}
_PARTS = {
    "contact": "tiếp điểm",
    "breaker": "áp-tô-mát",
    "hand": "tay gạt",
    "power": "công suất",
    "energy": "công-tơ",
}


def things(node: str) -> dict[str, Any]:
    """The sections of a node: one driver `tu` and what hangs on it; `tu/tang-am` is left for the amplifier."""
    made = {"thon-dong": _east, "thon-tay": _west, "cho-tay": _market}
    return made[node]()


def _east() -> dict[str, Any]:
    lines = {
        "cong-lang": {"name": "Đèn cổng làng", "watts": 240},
        "nha-van-hoa": {"name": "Đèn nhà văn hoá", "watts": 150},
        "bom": {"name": "Bơm tưới", "kind": "pump", "watts": 1500, "litres_per_minute": 60, "tank": "draws"},
        "van": {"name": "Van cấp bể", "kind": "valve", "watts": 12, "litres_per_minute": 40, "tank": "fills"},
        "quat": {"name": "Quạt chuồng", "kind": "fan", "watts": 400, "warms": -4},
    }
    pump = {
        **_thing("bom", lines, use="pump"),
        "limits": {"minimum_off_s": 5, "maximum_run_s": 1800, "rest_s": 60},
        "blocks": [
            {"sensor": "be-nuoc", "below": 10, "ends": 15, "name": "Bể cạn nước"},
            {
                "sensor": "bom-luu-luong",
                "below": 1,
                "for_s": 15,
                "while_on": True,
                "stays": True,
                "name": "Bơm chạy khan",
            },
        ],
    }
    pump["feedback"]["flow"] = "bom-nuoc"
    flow = [
        _sensor("bom-nuoc", "Bơm tưới: số lít", "bom_litres", "volume"),
        _sensor("bom-luu-luong", "Bơm tưới: lưu lượng", "bom_flow", "flow"),
        _sensor("be-nuoc", "Bể nước", "tank", "level"),
        _sensor("nhiet-do", "Nhiệt độ chuồng", "temperature", "temperature"),
        _sensor("do-am", "Độ ẩm chuồng", "humidity", "humidity"),
    ]
    fan = {"sensor": "nhiet-do", "above": 30, "ends": 28, "for_s": 10}
    refill = {"sensor": "be-nuoc", "below": 30, "ends": 90}
    return {
        "drivers": [_driver(lines)],
        "lights": [{**_thing("cong-lang", lines), "programme": _NIGHT}, _thing("nha-van-hoa", lines)],
        "switches": [pump, _thing("van", lines, use="valve"), _thing("quat", lines, use="fan")],
        "groups": [{"id": "den-thon", "name": "Đèn thôn Đông", "members": ["cong-lang", "nha-van-hoa"]}],
        "sensors": [*_sensors(lines), *flow],
        "cabinets": [_cabinet("tu-dong", "Tủ điện thôn Đông")],
        "rules": [
            {**_rule("quat-nong", "Nóng thì quạt", "quat", 3600), "all_of": [fan], "minimum_s": 60, "rest_s": 60},
            {**_rule("cap-nuoc", "Bể vơi thì cấp nước", "van", 3600), "all_of": [refill], "rest_s": 30},
        ],
    }


def _west() -> dict[str, Any]:
    lines = {
        "duong-tay": {"name": "Đèn đường thôn Tây", "watts": 900, "dimmable": True},
        "san-bong": {"name": "Đèn sân bóng", "watts": 1200},
    }
    late = {
        **_NIGHT,
        "steps": [{"at": "22:30", "level": 50, "ramp_s": 60}, {"at": "04:30", "level": 100, "ramp_s": 60}],
    }
    return {
        "drivers": [_driver(lines)],
        "lights": [
            {**_thing("duong-tay", lines), "dimmable": True, "programme": late},
            _thing("san-bong", lines),
        ],
        "groups": [{"id": "den-thon", "name": "Đèn thôn Tây", "members": ["duong-tay", "san-bong"]}],
        "sensors": _sensors(lines),
        "cabinets": [_cabinet("tu-tay", "Tủ điện thôn Tây")],
    }


def _market() -> dict[str, Any]:
    lines = {"cho": {"name": "Đèn chợ", "watts": 600}}
    return {
        "drivers": [_driver(lines)],
        "lights": [{**_thing("cho", lines), "programme": _NIGHT}],
        "sensors": _sensors(lines),
        "cabinets": [_cabinet("tu-cho", "Tủ điện chợ Tây")],
    }


def _driver(lines: dict[str, Any]) -> dict[str, Any]:
    amplifier = {"tang-am": {"name": "Tăng âm", "kind": "other", "watts": 60}}
    return {"id": "tu", "driver": "simulated-cabinet", "lines": {**lines, **amplifier}}


def _thing(line: str, lines: dict[str, Any], **more: str) -> dict[str, Any]:
    return {
        "id": line,
        "name": lines[line]["name"],
        "line": f"tu/{line}",
        **more,
        "rated_w": lines[line]["watts"],
        "feedback": {part: f"{line}-{part}" for part in _PARTS},
    }


def _sensors(lines: dict[str, Any]) -> list[dict[str, Any]]:
    return [*_of_lines(lines), *(_sensor(id_, name, kind, kind) for id_, (name, kind) in _CABINET.items())]


def _of_lines(lines: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for line, entry in lines.items():
        for part, word in _PARTS.items():
            yield _sensor(f"{line}-{part}", f"{entry['name']}: {word}", f"{line}_{part}", part)


def _sensor(id_: str, name: str, channel: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "name": name, "line": f"tu/{channel}", "kind": kind, "every_s": 5, "stale_s": 30}


def _cabinet(id_: str, name: str) -> dict[str, Any]:
    parts = {kind: sensor for sensor, (_, kind) in _CABINET.items() if kind != "voltage"}
    return {"id": id_, "name": name, **parts, "confirm_s": 3, "clear_s": 5}


def _rule(id_: str, name: str, thing: str, longest_s: int) -> dict[str, Any]:
    return {"id": id_, "name": name, "thing": thing, "maximum_s": longest_s, "armed": True}
