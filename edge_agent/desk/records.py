"""Commands about records: send again, confirm, say everything."""

from collections.abc import Awaitable, Callable

from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command, ConfirmRecords, ReportState, ResendRecords
from edge_agent.contract.errors import Refusal
from edge_agent.desk.act import Act, Begin
from edge_agent.link.wire import LinkDown
from edge_agent.store.outbox import Outbox


class RecordRequests:
    """Handlers for `outbox.resend`, `outbox.confirm` and `state.report`."""

    def __init__(
        self, outbox: Outbox, resend: Callable[[int, int], Awaitable[int]], repeat: Callable[[], None]
    ) -> None:
        """`resend` sends a range of numbers again, `repeat` publishes all states again."""
        self._outbox = outbox
        self._resend = resend
        self._repeat = repeat

    async def resend(self, _asked: Command, args: ResendRecords) -> Act:
        """Send a range again, in the asker's own time."""

        async def run(_begin: Begin) -> JsonObject:
            try:
                return {"records": await self._resend(args.first, args.last), "last": self._outbox.last}
            except LinkDown as error:
                raise Refusal("broker.unreachable", detail="the connection was lost") from error

        return Act(run=run)

    async def confirm(self, _asked: Command, args: ConfirmRecords) -> Act:
        """Forget what the centre has."""

        async def run(_begin: Begin) -> JsonObject:
            return {"forgotten": await self._outbox.confirm(args.through)}

        return Act(run=run)

    async def report(self, _asked: Command, _args: ReportState) -> Act:
        """Say about and state of everything again."""
        self._repeat()
        return Act()
