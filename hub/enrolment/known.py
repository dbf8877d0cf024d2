"""Which nodes are trusted, in memory, as pages and the search for clones want it at once."""

from hub.enrolment import grants, happened
from hub.enrolment.grants import Trusted
from hub.enrolment.happened import Happened
from hub.sentences import Speaker
from hub.store import Store


class Known:
    """By address, the newest certificate of each node, and what became of its boxes. `look` reads anew."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes: dict[str, Trusted] = {}
        self._happened: dict[str, tuple[Happened, ...]] = {}

    async def look(self) -> None:
        """After each change. Raises SQLAlchemyError."""
        trusted, happened_ = await self._store.read(lambda c: (grants.trusted(c), happened.read(c)))
        self._nodes, self._happened = {each.address: each for each in trusted}, happened_

    def get(self, address: str) -> Trusted | None:
        """None: it never had a certificate of this hub."""
        return self._nodes.get(address)

    def happened(self, address: str) -> tuple[Happened, ...]:
        """What became of its boxes, the oldest first."""
        return self._happened.get(address, ())

    def pair(self, address: str, serial: str) -> tuple[str, str] | None:
        """The two boards that were noticed at once since that certificate was given."""
        found = [each for each in self.happened(address) if each.kind == "cloned" and each.serial == serial]
        return (found[-1].board, found[-1].other) if found else None

    def told(self, address: str, speak: Speaker) -> list[tuple[str, str]]:
        """For a node's page, what became of its boxes: when and what, the newest first."""
        return [
            (
                speak.moment(each.at),
                speak.t(
                    f"trust.happened_{each.kind}",
                    board=" ".join(filter(None, (each.board, each.model))),
                    other=" ".join(filter(None, (each.other, each.other_model))),
                ),
            )
            for each in reversed(self.happened(address))
        ]

    def all(self) -> list[Trusted]:
        """By address."""
        return list(self._nodes.values())

    def facts(self, address: str, speak: Speaker) -> list[tuple[str, str]]:
        """For a node's page: name and words."""
        node = self.get(address)
        if node is None:
            return []
        facts = [(speak.t("trust.certificate"), state(node, speak))]
        if node.mark:
            facts.append((speak.t("trust.board"), " ".join(filter(None, (node.mark, node.model)))))
        return facts


def state(node: Trusted, speak: Speaker) -> str:
    """How a node's certificate stands, in words."""
    if node.revoked is not None:
        return speak.t("trust.revoked", at=speak.moment(node.revoked), by=node.by or "edge-hub")
    if node.ends <= speak.now:
        return speak.t("trust.over", at=speak.moment(node.ends))
    return speak.t("trust.until", at=f"{node.ends.astimezone(speak.zone):%d/%m/%Y}")
