"""Which registers are asked for together: neighbours in one question."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.modbus.points import DeviceMap, Kind, Place, Point


@dataclass(frozen=True, slots=True)
class Block:
    """Registers of one kind that one question asks for."""

    kind: Kind
    address: int
    count: int

    def words(self, place: Place, values: list[int]) -> list[int]:
        """The part of an answer that belongs to a place within this block."""
        start = place.address - self.address
        return values[start : start + place.count]


def of(place: Place) -> Block:
    """The block of one place alone."""
    return Block(place.register_, place.address, place.count)


def blocks(device: DeviceMap) -> dict[str, Block]:
    """Return the block of each point. Neighbours share one, as far as `most` and `bridge` allow."""
    found: dict[str, Block] = {}
    run: dict[str, Point] = {}
    ordered = sorted(device.points.items(), key=lambda item: (item[1].register_, item[1].address))
    for name, point in ordered:
        if run and not _joins(run, point, device):
            found |= _closed(run)
            run = {}
        run[name] = point
    return found | _closed(run)


def _joins(run: Mapping[str, Point], point: Point, device: DeviceMap) -> bool:
    first = next(iter(run.values()))
    end = max(entry.end for entry in run.values())
    most = device.most * 16 if point.is_bits else device.most
    near = point.register_ == first.register_ and point.address - end <= device.bridge
    return near and max(end, point.end) - first.address <= most


def _closed(run: Mapping[str, Point]) -> dict[str, Block]:
    if not run:
        return {}
    first = next(iter(run.values()))
    block = Block(first.register_, first.address, max(entry.end for entry in run.values()) - first.address)
    return dict.fromkeys(run, block)
