"""The whole bulletin of a draft, to be listened to: asked for, how far it is, and its file."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from edge_agent.contract.sentences import Language
from hub.forms import FormError
from hub.language import translator
from hub.media import HASH
from hub.writing import length
from hub.writing.finish import Finisher
from hub.writing.model import Draft
from hub.writing.whole import Busy, Making, Wholes

LONGEST_S = 1800.0
HORN, PLAIN = "horn", "plain"


@dataclass(frozen=True, slots=True)
class WholeView:
    """What stands below the buttons. `again`: where a script asks how far it is; `sound`: the file, once it is there.

    `done` of `total` steps.
    """

    words: str
    good: bool = True
    again: str = ""
    sound: str = ""
    done: int = 0
    total: int = 1


class Hearing:
    """Begins, tells, hands out. `finisher` makes of pieces what is heard."""

    def __init__(self, wholes: Wholes, finisher: Finisher) -> None:
        self._wholes = wholes
        self._finisher = finisher

    async def begin(self, draft: Draft, spoken: str, how: str) -> Making:
        """Have it made. Raises FormError."""
        if how not in (HORN, PLAIN):
            raise FormError("form.bad")
        version = draft.content.version(spoken)
        if length.of_pieces(version.pieces) > LONGEST_S:
            raise FormError("write.whole_long", minutes=round(LONGEST_S / 60))
        segments = await self._finisher.heard(version)
        try:
            return self._wholes.begin(segments, plain=how == PLAIN)
        except Busy as error:
            raise FormError("write.sound_busy") from error

    def view(self, request: Request, draft: Draft, language: Language) -> WholeView | None:
        """How far the one is that the address names; None where it names none."""
        key, how = request.query_params.get("whole", ""), request.query_params.get("how", "")
        return self.told(draft, key, how, language) if HASH.fullmatch(key) else None

    def told(self, draft: Draft, key: str, how: str, language: Language) -> WholeView:
        """How far it is."""
        t, making = translator(language), self._wholes.find(key)
        if making is None:
            return WholeView(t("write.whole_gone"), good=False)
        if making.failed:
            return WholeView(t("write.whole_failed", why=making.why(language)), good=False)
        name = t(f"reading.{PLAIN if how == PLAIN else HORN}")
        if making.ready:
            words = t("write.whole_there", length=length.in_words(making.seconds, language), how=name)
            if making.instead is not None:
                words = f"{words} {self._finisher.desk.instead(*making.instead, language)}"
            return WholeView(words, sound=f"/write/{draft.id}/whole/{key}.ogg")
        again = f"/write/{draft.id}/whole/{key}?{urlencode({'how': how[:9]})}"
        words = t("write.whole_making", done=making.done, total=making.total)
        return WholeView(words, again=again, done=making.done, total=making.total)

    def file(self, request: Request) -> Response:
        """The sound, for who may open the draft of the address."""
        key = str(request.path_params["key"])
        making = self._wholes.find(key) if HASH.fullmatch(key) else None
        if making is None or not making.ready:
            return HTMLResponse("", 404)
        headers = {"Cache-Control": "private, max-age=600"}
        return FileResponse(self._wholes.path(key), media_type="audio/ogg", headers=headers)
