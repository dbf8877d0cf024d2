"""Which nodes are trusted, in memory, as pages and the search for clones want it at once."""

from hub.enrolment import grants
from hub.enrolment.grants import Trusted
from hub.sentences import Speaker
from hub.store import Store


class Known:
    """By address, the newest certificate of each node. `look` reads anew."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes: dict[str, Trusted] = {}

    async def look(self) -> None:
        """After each change. Raises SQLAlchemyError."""
        self._nodes = {each.address: each for each in await self._store.read(grants.trusted)}

    def get(self, address: str) -> Trusted | None:
        """None: it never had a certificate of this hub."""
        return self._nodes.get(address)

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
