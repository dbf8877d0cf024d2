"""Units of measure and of money, and what may stand after a stroke: 60 km/h, 15.000 đồng/kg."""

import re

UNITS = {
    "mm": "mi li mét", "cm": "xăng ti mét", "dm": "đề xi mét", "m": "mét", "km": "ki lô mét", "µm": "mi crô mét",
    "nm": "na nô mét", "mm2": "mi li mét vuông", "cm2": "xăng ti mét vuông", "m2": "mét vuông",
    "km2": "ki lô mét vuông", "cm3": "xăng ti mét khối", "dm3": "đề xi mét khối", "m3": "mét khối",
    "ha": "héc ta", "Ha": "héc ta", "HA": "héc ta", "mg": "mi li gam", "µg": "mi crô gam", "mcg": "mi crô gam",
    "g": "gam", "gr": "gam",
    "kg": "ki lô gam", "Kg": "ki lô gam", "KG": "ki lô gam", "ml": "mi li lít", "mL": "mi li lít", "cl": "xăng ti lít",
    "l": "lít", "L": "lít", "cc": "xê xê", "h": "giờ", "giờ": "giờ", "s": "giây", "ms": "mi li giây", "ph": "phút",
    "p": "phút", "'": "phút", "′": "phút", "V": "vôn", "kV": "ki lô vôn", "KV": "ki lô vôn", "mV": "mi li vôn",
    "mmol": "mi li mon",
    "W": "oát", "IU": "đơn vị", "UI": "đơn vị", "kWp": "ki lô oát píc", "KWp": "ki lô oát píc", "MWp": "mê ga oát píc",
    "kW": "ki lô oát", "KW": "ki lô oát", "MW": "mê ga oát", "GW": "gi ga oát", "kWh": "ki lô oát giờ",
    "KWh": "ki lô oát giờ", "kwh": "ki lô oát giờ", "KWH": "ki lô oát giờ",
    "kw": "ki lô oát", "kv": "ki lô vôn", "MWh": "mê ga oát giờ",
    "kVA": "ki lô vôn am pe",
    "KVA": "ki lô vôn am pe", "MVA": "mê ga vôn am pe", "mA": "mi li am pe", "mAh": "mi li am pe giờ",
    "Ah": "am pe giờ",
    "Hz": "héc", "kHz": "ki lô héc", "MHz": "mê ga héc", "GHz": "gi ga héc", "dB": "đê xi ben", "kPa": "ki lô pát can",
    "hPa": "héc tô pát can", "MPa": "mê ga pát can", "Pa": "pát can", "mmHg": "mi li mét thủy ngân",
    "atm": "át mốt phe",
    "bar": "ba", "kcal": "ki lô ca lo", "Kcal": "ki lô ca lo", "cal": "ca lo", "ppm": "phần triệu", "KB": "ki lô bai",
    "kB": "ki lô bai", "MB": "mê ga bai", "GB": "gi ga bai", "TB": "tê ra bai", "Mbps": "mê ga bít trên giây",
    "Gbps": "gi ga bít trên giây", "HP": "mã lực", "CV": "mã lực", "rpm": "vòng trên phút", "lux": "lúc",
    "mSv": "mi li xi vớt",
    "km/h": "ki lô mét trên giờ", "°C": "độ xê", "ºC": "độ xê", "oC": "độ xê", "0C": "độ xê", "℃": "độ xê",
    "°F": "độ ép",
    "°N": "độ vĩ bắc", "°B": "độ vĩ bắc", "°E": "độ kinh đông", "°Đ": "độ kinh đông", "°": "độ", "º": "độ",
    "độ C": "độ xê", "độ F": "độ ép", "%": "phần trăm", "‰": "phần nghìn",
}  # fmt: skip
"""Written unit -> words. m², m³, μ and ㎡ are written m2, m3, µ and m2 before they are looked up."""

MONEY = {
    "đ": "đồng", "Đ": "đồng", "đồng": "đồng", "₫": "đồng", "VNĐ": "đồng", "VND": "đồng", "vnđ": "đồng", "vnd": "đồng",
    "k": "nghìn", "K": "nghìn", "tr": "triệu", "Tr": "triệu", "trđ": "triệu đồng", "tỷđ": "tỷ đồng",
    "USD": "đô la Mỹ".lower(), "usd": "đô la mỹ", "$": "đô la", "EUR": "ơ rô", "€": "ơ rô", "£": "bảng anh", "¥": "yên",
    "NDT": "nhân dân tệ", "CNY": "nhân dân tệ", "JPY": "yên nhật",
}  # fmt: skip

SCALES = {"trăm", "nghìn", "ngàn", "vạn", "triệu", "tỷ", "tỉ", "chục", "rưỡi"}

# Not units but things that are counted "per": viên/ngày, đồng/hộ, lần/tuần.
PER = re.compile(
    r"hộ|người|khẩu|ngày|đêm|tháng|năm|tuần|quý|vụ|lứa|buổi|suất|cháu|em|học|phụ|con|cây|quả|trái|bông|bao|gói|"
    r"chai|lọ|hộp|viên|lần|lượt|giờ|phút|giây|kg|cân|yến|tạ|tấn|lít|mét|sào|mẫu|công|thước|ha|héc|xã|thôn|bản|tổ|"
    r"xóm|ấp|khu|cụm|điểm|nhà|phòng|xe|chuyến|cuốc|vé|phiếu|cái|chiếc|bộ|đôi|thùng|khối|số|kỳ|đợt|ca|bệnh|trẻ|hồ|"
    r"đầu|mỗi|nghìn|dân|trường|lớp|bữa|bình|sản|phẩm|km|gốc|hố|đơn|vị|đồng|chỉ|lạng|lượng|ký|kí|mũi|liều|tiết|môn",
    re.IGNORECASE,
)

_SUPERSCRIPTS = str.maketrans({"²": "2", "³": "3", "μ": "µ"})
_WHOLE = {"㎡": "m2", "㎥": "m3", "㎏": "kg", "㎞": "km", "㎝": "cm", "㎜": "mm"}

_WRITTEN = sorted({*UNITS} - {"km/h", "độ C", "độ F", "%", "‰"}, key=len, reverse=True)
UNIT = (
    r"(?:độ [CF]\b|[%‰℃㎡㎥㎏㎞㎝㎜]|(?:mm|cm|dm|km|m)[²³23]|μ[mg]|"
    + "|".join(re.escape(unit) for unit in _WRITTEN if not re.search(r"\d", unit[-1]))
    + r")(?![A-Za-zÀ-ɏḀ-ỿ0-9²³])"
)
"""Pattern of a unit right after a number (and a space at most)."""

MONEY_UNIT = (
    r"(?:" + "|".join(re.escape(unit) for unit in sorted(MONEY, key=len, reverse=True)) + r")(?![A-Za-zÀ-ɏḀ-ỿ0-9])"
)


def unit_words(written: str) -> str | None:
    """Return the words of a unit, None if it is none."""
    plain = _WHOLE.get(written) or written.translate(_SUPERSCRIPTS)
    return UNITS.get(plain)
