"""What is published retained: the newest state of everything, said again after each reconnection."""

from collections.abc import Callable

from pydantic import BaseModel

from edge_agent.contract.base import Report


class Board:
    """Newest retained body by topic. A state that did not change is not sent again."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._publish: Callable[[str, bytes], None] | None = None

    def post(self, topic: str, report: Report | BaseModel) -> None:
        """Publish a state, now if there is a connection, and again at each new one."""
        body = report.model_dump_json(exclude_none=True, by_alias=True).encode()
        if self._bodies.get(topic) == body:
            return
        self._bodies[topic] = body
        if self._publish is not None:
            self._publish(topic, body)

    def has(self, topic: str) -> bool:
        """Whether anything was said there since the start."""
        return bool(self._bodies.get(topic))

    def remove(self, topic: str) -> None:
        """Clear a retained topic: the thing is gone."""
        self._bodies[topic] = b""
        if self._publish is not None:
            self._publish(topic, b"")

    def attach(self, publish: Callable[[str, bytes], None]) -> None:
        """A connection is up: say everything, then everything new."""
        self._publish = publish
        self.repeat()

    def detach(self) -> None:
        """The connection is gone."""
        self._publish = None

    def repeat(self) -> None:
        """Say everything again."""
        if self._publish is not None:
            for topic, body in list(self._bodies.items()):
                self._publish(topic, body)
