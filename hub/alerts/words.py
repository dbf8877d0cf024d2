"""What a message says: things of one kind and one village in one line, the rest counted."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.contract.sentences import Language
from hub.alerts.outbox import Item
from hub.language import sentence
from hub.times import moment

LONG = 3000
"""Characters, from which on what is left is only counted: messengers take 4,096 at most."""
NAMES = 6
"""Of each group; the others are counted."""
_LONGEST = 160


class Writer:
    """Writes messages. `address`: of the console, as people reach it; empty: no link."""

    def __init__(self, language: Language, zone: ZoneInfo, name: str, address: str) -> None:
        self._language: Language = language
        self._zone = zone
        self._name = name
        self._address = address

    def write(self, items: Sequence[Item], now: datetime) -> tuple[str, str]:
        """Title and body, plain text."""
        groups: dict[tuple[str, str, str], list[Item]] = {}
        for item in sorted(items, key=lambda item: not item.urgent):
            groups.setdefault((item.kind, item.rule, item.area), []).append(item)
        heads = [self._head(*key, len(_named(found))) for key, found in groups.items()]
        parts: list[str] = []
        shown = 0
        for head, found in zip(heads, groups.values(), strict=True):
            part = self._part(head, found, now)
            if parts and sum(map(len, parts)) + len(part) > LONG:
                break
            parts.append(part)
            shown += len(found)
        if left := len(items) - shown:
            parts.append(self._t("notify.message_more", count=left))
        if self._address:
            parts.append(self._t("notify.message_link", address=self._address))
        title = heads[0] if len(heads) == 1 else self._t("notify.message_many", head=heads[0], count=len(heads) - 1)
        return self.titled(title), "\n\n".join(parts)

    def titled(self, title: str) -> str:
        """A title with the commune's name before it, in one line."""
        return " ".join(f"{self._name}: {title}".split() if self._name else title.split())[:250]

    def _head(self, kind: str, rule: str, area: str, count: int) -> str:
        head = self._t(f"notify.{'over' if kind == 'over' else 'is'}_{rule}", count=count)
        return self._t("notify.message_where", head=head, area=area) if area else head

    def _part(self, head: str, found: list[Item], now: datetime) -> str:
        named = _named(found)
        lines = [self._line(name, of_it, now) for name, of_it in list(named.items())[:NAMES]]
        if left := len(named) - NAMES:
            lines += [self._t("notify.message_others", count=left)] if left > 0 else []
        return "\n".join([f"{head}:", *lines])

    def _line(self, name: str, of_it: list[Item], now: datetime) -> str:
        at = moment(of_it[-1].at, now, self._zone, self._language)
        detail = " ".join(of_it[-1].detail.split())
        detail = detail if len(detail) <= _LONGEST else detail[: _LONGEST - 1] + "…"
        often = self._t("notify.message_often", count=len(of_it)) if len(of_it) > 1 else ""
        return f"- {name[:_LONGEST]} ({', '.join(word for word in (at, often) if word)})" + (
            f": {detail}" if detail else ""
        )

    def _t(self, key: str, **params: object) -> str:
        return sentence(self._language, key, **params)


def _named(found: list[Item]) -> dict[str, list[Item]]:
    """By name: what happened often is one line."""
    named: dict[str, list[Item]] = {}
    for item in found:
        named.setdefault(item.name, []).append(item)
    return named
