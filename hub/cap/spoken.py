"""What a loudspeaker says of an alert, in Vietnamese: the sender's own words, or words for what CAP names by codes."""

import re
from dataclasses import dataclass

from hub.cap.message import Alert, Info, ResponseType, Severity, Status

MOST_SPOKEN = 2000
"""Characters, about two and a half minutes: who hears the third minute has forgotten the first."""
_EXERCISE = "Đây là nội dung diễn tập, không phải tình huống thật."
_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_EVENTS = {
    "flood": "lũ",
    "flash flood": "lũ quét",
    "river flood": "lũ trên sông",
    "coastal flood": "ngập ven biển",
    "inundation": "ngập lụt",
    "heavy rain": "mưa lớn",
    "rain": "mưa lớn",
    "rainfall": "mưa lớn",
    "thunderstorm": "dông",
    "severe thunderstorm": "dông mạnh, có thể kèm lốc, sét, mưa đá",
    "tornado": "lốc xoáy",
    "hail": "mưa đá",
    "lightning": "sét",
    "wind": "gió mạnh",
    "strong wind": "gió mạnh",
    "tropical cyclone": "bão",
    "typhoon": "bão",
    "tropical storm": "bão",
    "tropical depression": "áp thấp nhiệt đới",
    "storm surge": "nước dâng do bão",
    "landslide": "sạt lở đất",
    "tsunami": "sóng thần",
    "earthquake": "động đất",
    "wildfire": "cháy rừng",
    "forest fire": "cháy rừng",
    "heat": "nắng nóng",
    "extreme heat": "nắng nóng gay gắt",
    "cold": "rét",
    "extreme cold": "rét hại",
    "frost": "sương muối",
    "fog": "sương mù",
    "drought": "hạn hán",
    "saltwater intrusion": "xâm nhập mặn",
    "dam failure": "vỡ đập",
    "dam break": "vỡ đập",
    "flood discharge": "xả lũ hồ chứa",
}
_TAILS = (" warning", " watch", " advisory", " alert", " emergency")
_RESPONSES = {
    ResponseType.SHELTER: "Bà con vào nơi trú ẩn an toàn.",
    ResponseType.EVACUATE: "Bà con sơ tán theo hướng dẫn của chính quyền.",
    ResponseType.PREPARE: "Bà con chuẩn bị sẵn sàng.",
    ResponseType.AVOID: "Bà con không đến gần nơi nguy hiểm.",
    ResponseType.MONITOR: "Bà con theo dõi tin tiếp theo.",
    ResponseType.ALL_CLEAR: "Nguy hiểm đã qua.",
}
_SEVERITIES = {Severity.EXTREME: "đặc biệt nghiêm trọng", Severity.SEVERE: "nghiêm trọng"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words for a loudspeaker. `own`: the sender's, in Vietnamese. `cut`: whole sentences were left out."""

    text: str
    own: bool
    cut: bool = False


def spoken(alert: Alert, info: Info, sender: str) -> Spoken | None:
    """What is said of one `info`; None where nobody wrote it in Vietnamese and we have no words for the event.

    `sender`: as the commune calls it; it is named first. What is not `Actual` says before and after that it is not.
    """
    said = _of_sender(info, sender) if info.speaks("vi") else _of_codes(info, sender)
    if said is None or alert.status is Status.ACTUAL:
        return said
    return Spoken(as_exercise(said.text), said.own, said.cut)


def as_exercise(text: str) -> str:
    """The words with what says before and after them that nothing is real, wherever that is missing."""
    before = "" if text.startswith(_EXERCISE) else f"{_EXERCISE} "
    after = "" if text.endswith(_EXERCISE) and text != _EXERCISE else f" {_EXERCISE}"
    return f"{before}{text}{after}"


def event_words(info: Info) -> str:
    """The event in Vietnamese; empty where we have no word."""
    event = " ".join(info.event.casefold().split())
    for tail in _TAILS:
        event = event.removesuffix(tail)
    return _EVENTS.get(event, "")


def _of_sender(info: Info, sender: str) -> Spoken | None:
    headline, instruction = _flat(info.headline or info.event), _flat(info.instruction)
    description = _flat(info.description)
    if description.casefold().startswith(headline.casefold().rstrip(".")):
        headline = ""
    firm = [part for part in (_named(sender, headline or description), headline) if part]
    room = MOST_SPOKEN - len(instruction) - sum(map(len, firm))
    told, cut = _whole_sentences(description, room)
    parts = [_closed(part) for part in (*firm, told, instruction[:MOST_SPOKEN]) if part]
    text = " ".join(parts)
    shorter, again = _whole_sentences(text, MOST_SPOKEN)
    return Spoken(shorter, True, cut or again) if any(map(str.isalnum, text)) else None


def _of_codes(info: Info, sender: str) -> Spoken | None:
    event = event_words(info)
    if not event:
        return None
    how = _SEVERITIES.get(info.severity, "")
    sentence = f"{_named(sender, event)} Cảnh báo {event}{f', mức {how}' if how else ''}."
    if info.is_all_clear:
        sentence = f"{_named(sender, event)} Tin về {event}."
    advice = [_RESPONSES[response] for response in info.responses if response in _RESPONSES]
    return Spoken(" ".join((sentence.strip(), *advice)), False)


def _named(sender: str, beside: str) -> str:
    """`Sender thông báo.`, unless the words themselves begin so."""
    return "" if not sender or beside.casefold().startswith(sender.casefold()) else f"{_flat(sender)} thông báo."


def _flat(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", ":")) else f"{text}."


def _whole_sentences(text: str, room: int) -> tuple[str, bool]:
    """As many whole sentences from the beginning as fit; whether some were left out."""
    if len(text) <= room:
        return text, False
    kept, size = [], 0
    for sentence in _END.split(text):
        size += len(sentence) + 1
        if size > room:
            break
        kept.append(sentence)
    return " ".join(kept) or text[: max(0, room)].rpartition(" ")[0], True
