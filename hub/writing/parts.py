"""The parts that the pages of writing stand on, and how a draft is drawn."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from starlette.requests import Request

from edge_agent.contract.sentences import Language
from hub.bulletins.desk import Bulletins
from hub.documents.reader import Documents
from hub.language import translator
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk
from hub.render import Renderer, Shown
from hub.sheet import Sheet
from hub.times import local, moment
from hub.writing import views
from hub.writing.drafts import Drafts
from hub.writing.finish import Finisher, Flaw
from hub.writing.hearing import Hearing, WholeView
from hub.writing.model import Draft, Version, Words
from hub.writing.proposer import Proposer
from hub.writing.sounds import Sounds
from hub.writing.uploads import Receiver
from hub.writing.views import View


@dataclass(frozen=True)
class Parts:
    """What the pages need. `session_s`: how long a session may last by the commune's hours, None: no limit known."""

    shown: Shown
    renderer: Renderer
    areas: Areas
    drafts: Drafts
    documents: Documents
    sounds: Sounds
    proposer: Proposer
    desk: ReadingDesk
    finisher: Finisher
    hearing: Hearing
    bulletins: Bulletins
    audit: Audit
    language: Callable[[Request], Language]
    session_s: float | None = None
    receiver: Receiver = field(default_factory=Receiver)


@dataclass(frozen=True)
class Told:
    """What a page says besides the draft. `sheets`: readings that stand open, by piece; `tab`: the page's own name;
    `undo`: id of the copy that takes back what was just done.
    """

    notice: str = ""
    good: bool = True
    conflict: str = ""
    flaws: tuple[Flaw, ...] = ()
    sheets: dict[int, Sheet] = field(default_factory=dict)
    tab: str = ""
    status: int = 200
    whole: WholeView | None = None
    undo: str = ""


async def view(parts: Parts, draft: Draft, spoken: str, language: Language, told: Told) -> View:
    """Everything on the page of a draft, in the version `spoken`. Raises SQLAlchemyError."""
    version = draft.content.version(spoken)
    zone, now = parts.shown.zone, parts.shown.clock.now()
    copies = await parts.drafts.beside(draft)
    return View(
        draft=draft,
        version=version,
        pieces=views.pieces_of(draft, version, language, told.flaws, told.sheets),
        length=views.length_of(version, parts.session_s, language),
        tab=told.tab or secrets.token_hex(6),
        saved=when_saved(draft, zone, language),
        can_speak=views.can_speak(version),
        left_out=views.left_out_of(draft),
        copies=tuple((copy, moment(copy.at, now, zone, language), views.first_words(copy)) for copy in copies),
        flaws=views.general_flaws(draft, version, language, told.flaws),
        notice=told.notice,
        good=told.good,
        conflict=told.conflict,
        can_propose=parts.proposer.available,
        voices=_voices(parts),
        choice=_choice(parts, version, language),
        authorities=tuple(parts.shown.authorities),
        other_languages=views.addable(draft),
        session_s=parts.session_s or 0,
        whole=told.whole,
        undo=told.undo if any(copy.id == told.undo for copy in copies) else "",
    )


def when_saved(draft: Draft, zone: ZoneInfo, language: Language) -> str:
    """When it was saved last; by whom, where it was somebody else."""
    at, t = f"{local(draft.changed, zone):%H:%M:%S}", translator(language)
    if draft.changed_by == person().name:
        return t("write.saved", at=at)
    return t("write.saved_by", at=at, name=draft.changed_by)


def _voices(parts: Parts) -> tuple[tuple[str, str], ...]:
    """The voices of the nodes for which somebody writes, in the order in which each tries them."""
    nodes = parts.areas.nodes(person(), Right.WRITE)
    found = (
        (node.title, ", ".join(voice.name for voice in node.about.speaks) or ", ".join(node.about.voices))
        for node in nodes
        if node.about and node.about.voices
    )
    return tuple(found)[:20]


def _choice(parts: Parts, version: Version, language: Language) -> tuple[views.VoiceView, ...]:
    """The hub's voices, which make the sound; and how many nodes could say it themselves, should it not reach them.

    A voice that a text names and that is gone stands last, so that nobody loses it without a word.
    """
    t, voice = translator(language), parts.desk.voice
    nodes = [node.about for node in parts.areas.nodes(person(), Right.WRITE) if node.about]
    found = []
    for each in voice.voices:
        count = sum(any(own.id == each.id for own in about.speaks) for about in nodes)
        words = t("write.voice_at", voice=each.name, count=count, all=len(nodes)) if nodes else each.name
        found.append(views.VoiceView(each.id, words + (f" {t('write.voice_online')}" if each.sends_text else "")))
    named = dict.fromkeys(p.voice for p in version.pieces if isinstance(p, Words) and p.voice)
    gone = [views.VoiceView(id_, t("write.voice_gone", voice=id_)) for id_ in named if not voice.knows(id_)]
    return (*found, *gone)
