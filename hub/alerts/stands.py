"""What messages to people stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.clock import Clock
from hub.people.rights import Place
from hub.registry import Registry
from hub.sealed import Seal
from hub.store import Store

Concerns = Callable[[str], Awaitable[tuple[Place, ...]]]
"""The places that a foreign alert means, by its id; none: nobody knows which."""


@dataclass(frozen=True, slots=True)
class Stands:
    """The parts of the hub. `connected`: whether the broker is there; `seal`: closes addresses before they are kept."""

    store: Store
    registry: Registry
    connected: Callable[[], bool]
    clock: Clock
    seal: Seal
    concerns: Concerns
