"""How somebody becomes a person of the hub: what they type about themselves, and the code that lets them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from hub.people import codes
from hub.people.accounts import Account
from hub.people.codes import Kind
from hub.people.kit import Kit
from hub.people.passwords import problem
from hub.people.rights import Grant

_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{1,58})[a-z0-9]")


class Wrong(Exception):
    """Something that was typed cannot be used: the key of a sentence, and what fills it."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


@dataclass(frozen=True, slots=True)
class Typed:
    """Name, login and password, as they can be used."""

    name: str
    login: str
    password: str


def typed(kit: Kit, given: dict[str, str]) -> Typed:
    """What somebody typed about themselves. Raises Wrong."""
    name = person_name(given.get("name", ""))
    login = login_of(given.get("login", ""))
    password = given.get("password", "")
    if key := problem(password, login, name, kit.name):
        raise Wrong(key, least=10)
    if kit.accounts.by_login(login):
        raise Wrong("people.login_taken")
    return Typed(name, login, password)


def person_name(text: str) -> str:
    """A name of one line. Raises Wrong."""
    name = " ".join(text.split())
    if not 2 <= len(name) <= 100:
        raise Wrong("people.name_wrong")
    return name


def login_of(text: str) -> str:
    """A login: a telephone number without blanks, or a short name without marks. Raises Wrong."""
    folded = unicodedata.normalize("NFD", text.strip().casefold().replace("đ", "d"))
    login = "".join(c for c in folded if not unicodedata.combining(c))
    if re.fullmatch(r"[0-9 .+()-]+", login):
        login = re.sub(r"[ .()-]", "", login)
    if not _LOGIN.fullmatch(login):
        raise Wrong("people.login_wrong")
    return login


async def joined(kit: Kit, who: Typed, grants: Iterable[Grant], kind: Kind, code: str) -> Account:
    """Make the account and use up the code, both or neither.

    Raises Wrong when the code is over, LoginTaken, SQLAlchemyError, StoreFull.
    """
    now = kit.clock.now()
    known = await kit.store.read(lambda c: codes.find(c, kind, code))
    if known is None or not known.is_open(now):
        raise Wrong("people.code_wrong")
    kept = await kit.passwords.make(who.password)

    def use(connection: Connection) -> None:
        if codes.take(connection, kind, code, now) is None:
            raise Wrong("people.code_wrong")

    return await kit.accounts.add(who.login, who.name, grants, password=kept, first=use)
