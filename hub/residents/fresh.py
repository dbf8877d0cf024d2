"""How many reports of residents nobody has looked at yet, for the first page of who answers them."""

from collections.abc import Callable

from edge_agent.contract.sentences import Language
from hub.home.today import Waiting
from hub.language import sentence
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.rights import Right
from hub.residents.places import parse
from hub.residents.reports import Reports

PATH = "/reports-of-residents?show=new"
MOST = 1000
"""More are not counted one by one."""


def fresh(reports: Reports, areas: Areas) -> Callable[[Language], list[Waiting]]:
    """A line with their number, as far as who asks answers there; none where there are none."""

    def find(language: Language) -> list[Waiting]:
        who = person()
        if not reports.fresh or not who.may_somewhere(Right.ANSWER):
            return []
        places = list(reports.fresh.values())[:MOST]
        count = sum(who.may(Right.ANSWER, parse(place, areas)) for place in places)
        if not count:
            return []
        title = sentence(language, "residents.home_new", count=count)
        return [Waiting(PATH, title, sentence(language, "residents.home_new_what"))]

    return find
