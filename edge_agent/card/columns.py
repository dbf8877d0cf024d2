"""The columns of a sheet, and the names under which people write them."""

import re
import unicodedata
from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("ten", "ten nut", "nut", "node"),
    "commune": ("xa", "ma xa"),
    "title": ("ten goi", "tieu de"),
    "zone": ("area", "thon", "khu", "khu dan cu"),
    "address": ("dia chi", "cho lap"),
    "latitude": ("lat", "vi do"),
    "longitude": ("lon", "lng", "long", "kinh do"),
    "devices": ("thiet bi",),
    "camera": ("dia chi camera",),
    "wifi": ("ssid", "ten wifi", "ten wi fi", "wi fi"),
    "wifi_password": ("mat khau wifi", "mat khau wi fi", "wi fi password"),
    "wifi_country": ("nuoc",),
    "apn": ("4g",),
    "hostname": ("ten may",),
    "timezone": ("mui gio", "time zone"),
    "user": ("nguoi dung", "tai khoan"),
    "password": ("mat khau",),
    "ssh_key": ("khoa ssh", "ssh key"),
    "ssh": (),
    "keyboard": ("ban phim",),
    "secrets": ("thu muc bi mat",),
    "hub": ("trung tam",),
    "pin": ("van tay", "dau van tay"),
    "token": ("ma ghi danh", "ma"),
    "expires": ("het han",),
    "console": ("bang dieu khien", "trang"),
}
"""Column -> other names of it, without marks and in small letters."""
REQUIRED = ("name", "commune", "title", "latitude", "longitude", "devices")
NEVER_SHOWN = frozenset({"wifi_password", "password", "token"})
"""Their values stand in no message, no diff and no JSON."""


def plain(text: str) -> str:
    """Small letters without Vietnamese marks, words parted by one space."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "d"))
    bare = "".join(char for char in bare if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", " ", bare).strip().casefold()


_KNOWN = {plain(name): column for column, others in COLUMNS.items() for name in (column, *others)}


def column_of(head: str) -> str | None:
    """Which column a head means; None for one that we do not know."""
    return _KNOWN.get(plain(head))
