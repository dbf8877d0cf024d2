"""One way to have many clusters do something: a command to each commune's, in pieces of bounded size, all at once."""

import asyncio
from collections.abc import Iterable

from edge_agent.contract.commands import Args
from hub.commands import Commands, OnAnswer, Outcome
from hub.people.acting import acting
from hub.people.rights import Person

PIECE = 400
"""Clusters in one command."""
TOGETHER = 30
"""Commands under way at the same time: no commune waits for the answers of another one's clusters."""


async def tell_all(
    commands: Commands, who: str, args: Args, addresses: Iterable[str], *, limit: float, life: float, heard: OnAnswer
) -> dict[str, Outcome]:
    """What became of it at each of these nodes (`commune/node`), after `limit` seconds at most per piece.

    `who`: in whose name; `life`: seconds after which nodes refuse it; `heard` is told of each answer as it comes.
    """
    of_commune: dict[str, list[str]] = {}
    for address in dict.fromkeys(addresses):
        of_commune.setdefault(address.partition("/")[0], []).append(address)
    places = asyncio.Semaphore(TOGETHER)

    async def one(commune: str, piece: tuple[str, ...]) -> dict[str, Outcome]:
        async with places:
            with acting(Person("", who)):
                outcomes = await commands.send_all(
                    commune, args, piece, limit=limit, life=max(life, limit), on_answer=heard
                )
        if len(piece) > 1 and all(_is_too_large(outcome) for outcome in outcomes.values()):
            half = len(piece) // 2
            return await one(commune, piece[:half]) | await one(commune, piece[half:])
        return outcomes

    pieces = [one(commune, piece) for commune, nodes in of_commune.items() for piece in _pieces(nodes)]
    told: dict[str, Outcome] = {}
    for outcomes in await asyncio.gather(*pieces):
        told |= outcomes
    return told


def _pieces(nodes: list[str]) -> list[tuple[str, ...]]:
    return [tuple(nodes[n : n + PIECE]) for n in range(0, len(nodes), PIECE)]


def _is_too_large(outcome: Outcome) -> bool:
    """Long words and long names of nodes may not fit into one command together."""
    return outcome.fault is not None and outcome.fault.code == "command.too_large"
