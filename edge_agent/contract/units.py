"""Names and units of what nodes measure. Telemetry carries names; the unit stands here, once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity: unit in UCUM-like ASCII, and what it says."""

    unit: str
    vi: str
    en: str


METRICS: dict[str, Metric] = {
    "cpu": Metric("%", "Bộ xử lý đang dùng", "Processor in use"),
    "load_1m": Metric("1", "Tải trung bình một phút", "Load average of one minute"),
    "memory": Metric("%", "Bộ nhớ đang dùng", "Memory in use"),
    "memory_agent": Metric("MB", "Bộ nhớ của chương trình", "Resident memory of the agent"),
    "disk": Metric("%", "Thẻ nhớ đã dùng", "Disk in use"),
    "disk_free": Metric("MB", "Thẻ nhớ còn trống", "Free disk"),
    "written_agent": Metric("MB/d", "Chương trình ghi mỗi ngày", "Written by the agent in a day, since its start"),
    "written_disk": Metric("MB/d", "Thẻ nhớ ghi mỗi ngày", "Written to the disk in a day, since the agent's start"),
    "card_worn": Metric("%", "Tuổi thọ thẻ nhớ đã dùng", "Life of the card that is used, as it reckons itself"),
    "temperature": Metric("Cel", "Nhiệt độ bo mạch", "Temperature of the board"),
    "under_voltage": Metric("1", "Nguồn yếu (1 là có)", "Under-voltage now (1 is yes)"),
    "under_voltage_since_boot": Metric("1", "Nguồn từng yếu từ lúc bật", "Under-voltage since boot (1 is yes)"),
    "uptime": Metric("s", "Thời gian chạy", "Time since boot"),
    "clock_trusted": Metric("1", "Đồng hồ tin được (1 là có)", "Clock is trusted (1 is yes)"),
    "clock_offset": Metric("ms", "Đồng hồ lệch", "Offset of the clock as the kernel estimates"),
    "clock_error": Metric("ms", "Sai số tối đa của đồng hồ", "Largest error of the clock as the kernel states"),
    "link_rtt": Metric("ms", "Trễ tới máy chủ tin nhắn", "Round trip to the broker"),
    "link_reconnects": Metric("1", "Số lần nối lại", "Reconnections since start"),
    "wifi_signal": Metric("dB[mW]", "Sóng Wi-Fi", "Wi-Fi signal"),
    "outbox_waiting": Metric("1", "Bản ghi chờ gửi", "Records waiting to be sent"),
    "outbox_shelf": Metric("1", "Bản ghi chờ trung tâm xác nhận", "Records sent, not yet confirmed by the centre"),
    "driver/{id}": Metric("1", "Thiết bị hoạt động (1 là có)", "Driver works (1 is yes)"),
    "sensor/{id}": Metric("1", "Cảm biến, theo đơn vị của nó", "A sensor, in its own unit"),
    "power/{id}": Metric("W", "Công suất", "Power of a switched thing or a cabinet"),
    "energy/{id}": Metric("kW.h", "Điện năng", "Energy of a switched thing or a cabinet since its counter began"),
    "hours/{id}": Metric("h", "Số giờ bật", "Hours on of a switched thing"),
    "switch_ons/{id}": Metric("1", "Số lần bật", "How often a thing was switched on"),
    "litres/{id}": Metric("L", "Số lít", "Litres through a switched thing"),
    "camera_fps/{id}": Metric("1/s", "Số hình mỗi giây", "Pictures a second of a camera's main stream"),
    "camera_rate/{id}": Metric("kbit/s", "Luồng hình", "Rate of a camera's main stream"),
    "camera_gop/{id}": Metric("s", "Khoảng cách hình gốc", "Seconds between a camera's key frames"),
    "camera_reconnects/{id}": Metric("1", "Số lần đứt luồng", "How often a camera's main stream broke"),
    "camera_dropped/{id}": Metric("1", "Số hình không ghi kịp", "Pictures that the disk was too slow for"),
    "camera_days_left/{id}": Metric("d", "Số ngày còn chỗ ghi", "Days of video for which there is room"),
    "camera_clock_error/{id}": Metric("s", "Giờ camera lệch", "A camera's clock minus the node's"),
    "things_faulty": Metric("1", "Số thiết bị đang hỏng", "Things that are faulty now"),
}


def unit_of(name: str) -> str:
    """The unit of a metric; unknown ones are plain numbers."""
    family, slash, _ = name.partition("/")
    metric = METRICS.get(f"{family}/{{id}}" if slash else name)
    return metric.unit if metric else "1"
