"""Notices priority items that want the air of one speaker together, where nobody has chosen."""

from collections.abc import Callable, Sequence

from edge_agent.broadcast.job import Job
from edge_agent.broadcast.ranks import Ranks
from edge_agent.contract.airings import Clash


class Clashes:
    """Of one speaker. Each clash is told once; what was done is the order in which it names them."""

    def __init__(self, speaker: str, ranks: Ranks, tell: Callable[[Clash], None]) -> None:
        self._speaker = speaker
        self._ranks = ranks
        self._tell = tell
        self._told: set[frozenset[str]] = set()

    def look(self, on_air: Job | None, ripe: Sequence[Job]) -> None:
        """`ripe` want the air now, in their order. Who only waits for a turn without an instant does not clash."""
        first = [on_air] if on_air is not None else []
        jobs = [*first, *(job for job in ripe if job is not on_air and job.item.at is not None and not job.begun)]
        jobs = [job for job in jobs if job.item.class_ == "priority"]
        ids = tuple(job.item.id for job in jobs)
        if len(jobs) < 2 or frozenset(ids) in self._told or self._ranks.decided(*ids):
            return
        self._told.add(frozenset(ids))
        at = jobs[0].started or jobs[0].item.at or jobs[0].came
        titles = tuple(job.item.title for job in jobs)
        self._tell(Clash(speaker=self._speaker, items=ids, titles=titles, at=at))

    def forget(self, job: Job) -> None:
        """It is over: another time is another clash."""
        self._told = {items for items in self._told if job.item.id not in items}
