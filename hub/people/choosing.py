"""Which roles and places somebody may give to others, and how they are chosen in a form."""

from dataclasses import dataclass

from edge_agent.contract.sentences import Language
from hub.language import sentence, sort_key
from hub.people.accounts import Account
from hub.people.codes import may_give
from hub.people.joining import Wrong
from hub.people.kit import Kit
from hub.people.rights import EVERYWHERE, Grant, Person, Place, Right, Role

MOST = 300
"""Nodes that a list offers; beyond, their address is typed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of a list."""

    value: str
    words: str


def roles(giver: Person, language: Language) -> list[Choice]:
    """The roles that they may give somewhere."""
    places = giver.places(Right.ADMINISTER)
    able = [role for role in Role if any(may_give(giver, Grant(role, place)) for place in places)]
    return [Choice(role.value, sentence(language, f"people.role_{role.value}")) for role in able]


def places(kit: Kit, giver: Person, language: Language) -> list[tuple[str, list[Choice]]]:
    """Where they may give them: everywhere, communes, areas, nodes, each group with its heading."""
    nodes = kit.areas.nodes(giver, Right.ADMINISTER)
    communes = sorted(kit.areas.communes())
    wide = [place for place in (EVERYWHERE, *map(Place, communes)) if giver.may(Right.ADMINISTER, place)]
    areas = [area for area in kit.areas.all() if giver.may(Right.ADMINISTER, area.place)]
    named = sorted(nodes, key=lambda node: node.title.casefold())[:MOST]
    groups = [
        ("people.places_wide", [Choice(_value(place), kit.place(place, language)) for place in wide]),
        ("people.places_areas", [Choice(str(area.place), f"{area.name} ({area.place.commune})") for area in areas]),
        ("people.places_nodes", [Choice(node.address, f"{node.title} ({node.address})") for node in named]),
    ]
    return [(sentence(language, key), choices) for key, choices in groups if choices]


def grant(giver: Person, given: dict[str, str]) -> Grant:
    """What was chosen. Raises Wrong."""
    try:
        role = Role(given.get("role", ""))
    except ValueError as error:
        raise Wrong("people.role_missing") from error
    value = given.get("other", "").strip() or given.get("place", "")
    if not value:
        raise Wrong("people.place_missing")
    chosen = Grant(role, EVERYWHERE if value == "*" else Place.parse(value[:200]))
    if chosen.place == EVERYWHERE and value != "*":
        raise Wrong("people.place_missing")
    if not may_give(giver, chosen):
        raise Wrong("people.cannot_give")
    return chosen


def manages(giver: Person, account: Account) -> bool:
    """Whether somebody may change an account: they administer every place where it has a role."""
    held = account.person.grants
    if not held:
        return giver.may_everywhere(Right.ADMINISTER)
    return all(may_give(giver, grant) for grant in held)


def meets(giver: Person, account: Account) -> bool:
    """Whether they see the account in their list: it has a role in a place of theirs."""
    mine = giver.places(Right.ADMINISTER)
    held = account.person.grants
    return manages(giver, account) or any(place.holds(grant.place) for place in mine for grant in held)


def called(account: Account, words: str) -> bool:
    """Whether somebody's name or login has these words in it."""
    asked = sort_key(words.strip())[0]
    return asked in sort_key(account.person.name)[0] or asked in account.login


def _value(place: Place) -> str:
    return str(place) or "*"
