"""What an administrator changes of somebody's account: the same for the page and for the API."""

from collections.abc import Awaitable, Callable
from typing import Any

from hub.people import choosing, factors
from hub.people.accounts import Account, LastAdministrator
from hub.people.acting import person
from hub.people.joining import Wrong, person_name
from hub.people.kit import Kit
from hub.people.rights import EVERYWHERE, Grant, Role
from hub.people.sign_in import second_name

Said = tuple[str, dict[str, Any]]
"""The key of what is said when it is done, and what fills it."""


class Administering:
    """Each act is written down before it is done: what cannot be written down is not done. All raise Wrong."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self.plain: dict[str, Callable[[Account], Awaitable[Said]]] = {
            "disable": self.disable,
            "enable": self.enable,
            "sessions": self.end_sessions,
            "second": self.reset_second,
            "unlock": self.unlock,
        }
        """Acts that need nothing but the account."""

    def met(self, id_: str) -> Account | None:
        """An account that the acting person sees in their list."""
        account = self._kit.accounts.get(id_)
        return account if account and choosing.meets(person(), account) else None

    def all(self) -> list[Account]:
        """All of these."""
        return [account for account in self._kit.accounts.all if choosing.meets(person(), account)]

    def locked(self, account: Account) -> bool:
        """Whether they must wait before they may try again to sign in."""
        waits = self._kit.waits
        return waits.locked(account.login) or waits.locked(second_name(account))

    async def name(self, account: Account, name: str) -> Said:
        """Called otherwise from now on."""
        name = person_name(name)
        self._note("name", account, to=name)
        await self._kit.accounts.renew(account.person.id, name=name)
        return "people.saved", {}

    async def grant(self, account: Account, grant: Grant) -> Said:
        """A role in a place, which the acting person may give."""
        self._note("grant", account, str(grant.place), role=grant.role)
        await self._kit.accounts.give(account.person.id, grant)
        return "people.granted", {}

    async def take(self, account: Account, role: str, place: str) -> Said:
        """Without the role from now on; there must be somebody left who can let others in again."""
        taken = next((g for g in account.person.grants if (g.role, str(g.place)) == (role, place)), None)
        if taken is None:
            return "people.saved", {}
        if (role, place) == (Role.ADMINISTRATOR, str(EVERYWHERE)):
            self._not_the_last(account)
        self._note("take", account, place, role=role)
        try:
            await self._kit.accounts.take(account.person.id, taken)
        except LastAdministrator as error:
            raise Wrong("people.last_administrator") from error
        return "people.taken", {}

    async def disable(self, account: Account) -> Said:
        """Cannot come in any more, and is out at once."""
        self._not_the_last(account)
        if account.person.id == person().id:
            raise Wrong("people.not_yourself")
        self._note("disable", account)
        try:
            await self._kit.accounts.disable(account.person.id)
        except LastAdministrator as error:
            raise Wrong("people.last_administrator") from error
        await self._kit.sessions.end(*self._kit.sessions.of(account.person.id))
        return "people.disabled_now", {}

    async def enable(self, account: Account) -> Said:
        """May come in again."""
        self._note("enable", account)
        await self._kit.accounts.renew(account.person.id, disabled=False)
        return "people.enabled_now", {}

    async def end_sessions(self, account: Account) -> Said:
        """Out on all devices."""
        ended = self._kit.sessions.of(account.person.id)
        self._note("sessions", account, number=len(ended))
        await self._kit.sessions.end(*ended)
        return "people.sessions_ended", {"number": len(ended)}

    async def reset_second(self, account: Account) -> Said:
        """Without a second factor: who must have one, makes a new one when they come in."""
        id_ = account.person.id
        self._note("second_reset", account)
        await self._kit.store.call(lambda c: factors.clear(c, id_))
        await self._kit.accounts.renew(id_, totp="")
        await self._kit.sessions.end(*self._kit.sessions.of(id_))
        self._kit.waits.unlock(second_name(account))
        return "people.second_gone", {}

    async def unlock(self, account: Account) -> Said:
        """Need not wait after many wrong passwords."""
        self._note("unlock", account)
        self._kit.waits.unlock(account.login)
        self._kit.waits.unlock(second_name(account))
        return "people.unlocked", {}

    def note_password_link(self, account: Account) -> None:
        """Somebody is about to be given a card by which they set a new password."""
        self._note("password_link", account)

    def _not_the_last(self, account: Account) -> None:
        """Somebody must be able to let others in again."""
        if all(other.person.id == account.person.id for other in self._kit.accounts.administrators):
            raise Wrong("people.last_administrator")

    def _note(self, act: str, account: Account, place: str = "", **details: Any) -> None:
        self._kit.audit.note(f"person.{act}", place, account.person.name, id=account.person.id, **details)


def changeable(account: Account) -> None:
    """Raises Wrong, where the acting person does not administer every place in which the account has a role."""
    if not choosing.manages(person(), account):
        raise Wrong("people.cannot_change")
