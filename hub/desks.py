"""What works behind the pages by itself: foreign alerts, bulletins, news to people, drafts."""

from collections.abc import Awaitable, Callable

from hub.alerts import part as notify
from hub.bulletins import part as bulletins
from hub.cap.intake import Intake, Stands
from hub.core import Core
from hub.unreached import Unreached
from hub.writing.wiring import Writing


class Desks:
    """Each desk is given only what it needs of the core."""

    def __init__(self, core: Core) -> None:
        config = core.config
        self.alerts = Intake(
            config.cap,
            Stands(
                core.store,
                core.registry,
                core.commands,
                core.can_reach,
                core.voice,
                core.audit,
                core.notice,
                core.clock,
            ),
        )
        self.bulletins = _bulletins(core)
        self.notify = _notify(core, self.alerts)
        self.alerts.desk.on_waiting.append(self.notify.wake)
        self._unreached = Unreached(core.store, core.clock)
        self.writing = Writing(config, core.store, core.areas, self.bulletins.desk, core.audit)

    async def load(self) -> None:
        """Read what is kept. Raises OSError, SQLAlchemyError."""
        await self.writing.start()
        await self.bulletins.load()
        await self.notify.load()

    def runs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the hub: name, the function."""
        log = ("log of what never came", self._unreached.run)
        return [*self.bulletins.tasks(), *self.alerts.tasks(), *self.notify.tasks(), log]


def _notify(core: Core, alerts: Intake) -> notify.NotifyPart:
    config = core.config
    here = notify.Local(config.language, config.zone, config.name, config.address)
    stands = notify.Stands(
        core.store, core.registry, lambda: core.link.connected, core.clock, core.seal, alerts.concerns
    )
    return notify.NotifyPart(config.notify, stands, here)


def _bulletins(core: Core) -> bulletins.BulletinPart:
    config = core.config
    parts = bulletins.Parts(
        store=core.store,
        notice=core.notice,
        audit=core.audit,
        accounts=core.accounts,
        areas=core.areas,
        registry=core.registry,
        commands=core.commands,
        media=core.media,
        voice=core.voice,
        clock=core.clock,
    )
    return bulletins.BulletinPart(parts, bulletins.Rules(config.approval, config.hours, config.zone, config.name))
