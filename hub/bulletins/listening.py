"""What is heard of a bulletin, segment by segment, and how long it is."""

from dataclasses import dataclass

from edge_agent.contract.errors import Fault
from edge_agent.contract.segments import Audio, Chime, Live, Pause, Relay, Segment, Text
from edge_agent.contract.sentences import Language
from edge_agent.contract.sentences import sentences as known_codes
from hub.bulletins.model import HubBulletin
from hub.language import Translate, catalogue, translator

S_PER_WORD = 0.3
"""As the nodes reckon (docs/calendar.md)."""
S_PER_CHIME = 3.0


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, to be read and heard. `sound`, `plain`: addresses; empty where there is none. `note`: a warning."""

    word: str
    text: str = ""
    sound: str = ""
    plain: str = ""
    music: str = ""
    title: str = ""
    note: str = ""


def parts(bulletin: HubBulletin, language: Language) -> list[tuple[str, list[Part]]]:
    """What is heard, by language version."""
    return [
        (_language(version.language, language), [_part(bulletin, each, language) for each in version.segments])
        for version in bulletin.content.versions
    ]


def silent(bulletin: HubBulletin, language: Language) -> str:
    """Why its sound could not be made."""
    code, _, detail = bulletin.silent.partition(" ")
    if not code:
        return ""
    if code.startswith("media."):
        return translator(language)(code)
    known = code if code in known_codes(language) else "speech.storage"
    return Fault.of(known, detail=detail).text(language)


def seconds_of(bulletin: HubBulletin) -> float:
    """How long it is: by its sounds, else by its words; the longest of its language versions."""
    lengths = [sum(_seconds(bulletin, each) for each in version.segments) for version in bulletin.content.versions]
    return max(lengths, default=0.0)


def length(bulletin: HubBulletin, t: Translate) -> str:
    """How long it is, in words: `khoảng 40 giây`, `khoảng 12 phút`."""
    seconds = seconds_of(bulletin)
    if seconds < 100:
        return t("bulletins.about_seconds", count=max(1, round(seconds)))
    return t("bulletins.about_minutes", count=round(seconds / 60))


def _seconds(bulletin: HubBulletin, segment: Segment) -> float:
    match segment:
        case Text():
            known = bulletin.sounds.get(segment.rendered.sha256) if segment.rendered else None
            if known is not None:
                return known.seconds
            digits = sum(letter.isdigit() for letter in segment.text)
            return (len(segment.text.split()) + digits) * S_PER_WORD
        case Chime():
            return S_PER_CHIME
        case Pause() | Relay() | Live():
            return segment.seconds
        case _:
            heard = bulletin.sounds.get(segment.sound.sha256)
            return heard.seconds if heard else 0.0


def _part(bulletin: HubBulletin, segment: Segment, language: Language) -> Part:
    t = translator(language)
    match segment:
        case Text():
            sound = segment.rendered
            known = bulletin.sounds.get(sound.sha256) if sound else None
            return Part(
                t("bulletins.part_text"),
                segment.text,
                f"/media/{sound.sha256}" if sound else "",
                f"/media/{known.plain}" if known and known.plain else "",
                f"/media/{segment.bed.sha256}" if segment.bed else "",
                title=t("write.said_by", voice=segment.voice) if segment.voice else "",
                note=t("write.voice_instead", wanted=segment.voice, voice=known.instead)
                if known and known.instead
                else "",
            )
        case Audio():
            title = " · ".join(each for each in (segment.title, segment.by) if each)
            return Part(t("bulletins.part_audio"), sound=f"/media/{segment.sound.sha256}", title=title)
        case Chime():
            name = catalogue(language).get(f"bulletins.chime_{segment.name}", segment.name)
            return Part(t("bulletins.part_chime"), title=name)
        case Pause():
            return Part(t("bulletins.part_pause"), title=t("bulletins.seconds", count=f"{segment.seconds:g}"))
        case _:
            length = t("bulletins.seconds", count=f"{segment.seconds:g}")
            return Part(t("bulletins.part_relay"), title=" · ".join((getattr(segment, "title", ""), length)))


def _language(tag: str, language: Language) -> str:
    return catalogue(language).get(f"bulletins.language_{tag}", tag)
