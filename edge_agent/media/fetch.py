"""Fetches sounds by their SHA-256, however slow and broken the way is."""

from collections.abc import Callable

from edge_agent.media.store import SoundStore


class Fetcher:
    """Fetches into a store; see `fetch`."""

    def __init__(self, store: SoundStore, hub: str | None, token: Callable[[], str]) -> None:
        """`hub`: base address of the configured hub; only its host ever gets the `token`."""
        self._store = store
        self._hub = hub
        self._token = token
