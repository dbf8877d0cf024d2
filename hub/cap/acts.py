"""What people and programs do with alerts, once it is read what they want."""

from collections.abc import Collection

from edge_agent.contract.sentences import Language
from hub.cap.clearing import usual_words
from hub.cap.deciding import Choice, Overtaken
from hub.cap.desk import Taken
from hub.cap.intake import Intake
from hub.cap.looking import Found, Looking
from hub.cap.message import MsgType, Status
from hub.cap.plan import Part
from hub.cap.spoken import as_exercise
from hub.choices import Choices
from hub.draft import Draft
from hub.forms import FormError
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk

MOST_WORD = 500


class CapActs:
    """For the acting person, whose rights each act looks at. All raise SQLAlchemyError, StoreFull where they write."""

    def __init__(self, intake: Intake, looking: Looking, areas: Areas, reading: ReadingDesk) -> None:
        self.looking = looking
        self.reading = reading
        self._desk = intake.desk
        self._decisions = intake.decisions
        self._areas = areas

    async def bring(self, data: bytes) -> Taken:
        """Take a message in. Raises CapError, SignatureError, TooMany."""
        taken = await self._desk.take(data, by=person())
        self._decisions.brought(taken)
        return taken

    async def draft(self, found: Found, text: str, answers: Choices, language: Language) -> Draft:
        """How words are read; of what is not real never without saying so. Raises FormError."""
        words = text if found.alert.status is Status.ACTUAL else as_exercise(text)
        return await self.reading.draft(words, answers, language)

    def nodes(self, found: Found, number: int, added: Collection[str]) -> tuple[str, ...]:
        """Where a part shall be heard: as the alert means, and the areas that were added; a siren takes its right."""
        more = [n for place, _, nodes in self.looking.more_places(found, number) if place in added for n in nodes]
        nodes = tuple(dict.fromkeys((*self.looking.nodes(found, number), *more)))
        return self.allowed(found, number, nodes)

    def allowed(self, found: Found, number: int, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the nodes where a part may be heard: a siren takes its right."""
        if found.plan.parts[number].class_ != "emergency":
            return nodes
        return tuple(node for node in nodes if self._areas.may(person(), Right.EMERGENCY, node))

    async def air(self, found: Found, part: Part, draft: Draft, nodes: tuple[str, ...], seen: int) -> None:
        """Have a part heard. `seen`: how often it had been said before. Raises Overtaken."""
        replaces, _ = await self.looking.replaceable(found)
        choice = Choice(part, draft.text, draft.readings, nodes, seen, replaces)
        await self._decisions.air(found.row, found.plan, choice)

    async def dismiss(self, found: Found, word: str) -> None:
        """Leave it. Raises FormError, Overtaken."""
        if not self.looking.may_decide(found):
            raise FormError("cap.not_yours")
        if not word:
            raise FormError("cap.no_word")
        await self._decisions.dismiss(found.row, word[:MOST_WORD])

    async def accept(self, found: Found) -> None:
        """Take an unproved cancellation for true. Raises FormError, Overtaken, also for what is none."""
        if found.row.msg_type != MsgType.CANCEL.value:
            raise Overtaken
        if not await self.looking.may_accept(found):
            raise FormError("cap.not_yours")
        await self._decisions.accept(found.row)

    async def end(self, found: Found) -> None:
        """End it where it sounds, as far as one may. Raises FormError."""
        nodes = await self.looking.sounding(found)
        if not nodes:
            raise FormError("cap.not_yours" if await self.looking.sounds(found) else "cap.silent")
        await self._decisions.end(found.row, nodes)

    async def clear(self, found: Found, text: str) -> int:
        """The all-clear, in the words that somebody has read; at how many nodes. Raises Overtaken, FormError."""
        nodes = await self.looking.to_clear(found.row)
        if not nodes:
            raise FormError("cap.overtaken")
        await self._decisions.clear(found.row, text)
        return len(nodes)

    def usual_words(self, found: Found) -> str:
        """What the all-clear says where nobody writes other words."""
        return usual_words(found.row, self._desk.settings)
