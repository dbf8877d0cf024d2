"""What drivers offer by their configuration alone: which lines can be switched, dimmed or measured."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drivers import registry
from drivers.contract import Dimmable, DriverContext, DriverFault, Measuring, Switchable, Watching

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """The lines of one driver. None: nobody can say before it is open."""

    switched: tuple[str, ...] | None
    measured: tuple[str, ...] | None
    dimmed: tuple[str, ...] | None


UNKNOWN = Offer(None, None, None)


class _NoClock:
    """A driver that is only asked what it offers needs no time."""

    trusted = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


def offer_of(entry: Mapping[str, Any]) -> Offer:
    """What a driver of this configuration offers; it is made, but not opened."""
    try:
        kind = registry.load(str(entry.get("driver")))
        settings = kind.Config.model_validate(
            {key: value for key, value in entry.items() if key not in ("id", "driver")}
        )
    except (DriverFault, ValidationError):  # told with its place elsewhere
        return UNKNOWN
    try:
        driver = kind(settings, DriverContext(str(entry.get("id")), _NoClock(), log, Path("/nonexistent")))
        offers = list(driver.capabilities())
    except Exception:  # a driver is foreign code; the check goes on without its word
        log.debug("driver %s does not say what it offers", entry.get("driver"), exc_info=True)
        return UNKNOWN
    switched = tuple(each.id for each in offers if each.writable) if isinstance(driver, Switchable) else ()
    measuring = isinstance(driver, Measuring | Watching)
    dims = isinstance(driver, Dimmable)
    return Offer(
        switched,
        tuple(each.id for each in offers) if measuring else (),
        tuple(each.id for each in offers if each.writable and each.maximum is not None) if dims else (),
    )
