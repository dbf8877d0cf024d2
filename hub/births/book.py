"""The birth record of a node in words: for its page, for the API, on paper."""

import json
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass

from edge_agent.contract.birth import Stage, Step
from edge_agent.contract.sentences import Language
from hub.aired.paper import local_now
from hub.births import rows
from hub.births.rows import Birth, Turned
from hub.node import Node
from hub.printing import Printer
from hub.sentences import Speaker
from hub.shown import Shown
from hub.store import Store
from hub.views import node_zone


@dataclass(frozen=True, slots=True)
class Line:
    """One step in words. `said`: what the box found and what the person said; `picture`: its number, if it has one."""

    title: str
    result: str
    word: str
    said: tuple[str, ...]
    picture: int | None


@dataclass(frozen=True, slots=True)
class BirthView:
    """`trust`: whose word it is; `good`: nothing was wrong and all was done."""

    address: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    trust: str
    trusted: bool
    summary: str
    good: bool


class Births:
    """Only reads. All raise SQLAlchemyError."""

    def __init__(self, shown: Shown, store: Store) -> None:
        self._shown = shown
        self._store = store
        self._printer = Printer("hub.births.paper")

    async def of(self, address: str) -> Birth | None:
        """The record that counts."""
        return await self._store.read(lambda c: rows.latest(c, address))

    async def refused(self, address: str) -> Turned | None:
        """What was turned away last."""
        return await self._store.read(lambda c: rows.turned(c, address))

    async def picture(self, address: str, step: int) -> bytes | None:
        """The picture of a step (JPEG)."""
        birth = await self.of(address)
        if birth is None or not 0 <= step < len(birth.record.steps):
            return None
        text = birth.record.steps[step].picture
        try:
            jpeg = b64decode(text, validate=True) if text else b""
        except (ValueError, Error):
            return None
        return jpeg if jpeg.startswith(b"\xff\xd8\xff") else None

    def speaker(self, address: str, language: Language) -> Speaker:
        """In the node's own time, where it is known."""
        node: Node | None = self._shown.registry.nodes.get(address)
        zone = node_zone(node, self._shown.zone) if node is not None else self._shown.zone
        return Speaker(language, zone, self._shown.clock.now())

    def view(self, birth: Birth, speak: Speaker) -> BirthView:
        """In words."""
        record, t = birth.record, speak.t
        position = f"{record.position.latitude:.5f}, {record.position.longitude:.5f}"
        facts = (
            (t("birth.node"), record.title),
            (t("birth.address"), birth.address),
            (t("birth.installer"), record.installer),
            (t("birth.when"), speak.moment(record.ended)),
            (t("birth.position"), f"{position} ({t(f'birth.by_{record.position_by}')})"),
            (t("birth.version"), record.version),
        )
        lines = tuple(_line(at, step, speak) for at, step in enumerate(record.steps) if step.stages or step.reason)
        left = tuple(_line(at, step, speak) for at, step in enumerate(record.steps) if _nobody_came(step))
        counts = {"faulty": record.faulty, "skipped": record.skipped, "all": len(record.steps)}
        good = not record.faulty and not record.skipped
        return BirthView(
            address=birth.address,
            facts=facts,
            lines=(*lines, *left),
            trust=t(f"birth.{birth.verdict}"),
            trusted=birth.verdict == "signed",
            summary=t("birth.all_good") if good else t("birth.counts", **counts),
            good=good,
        )

    async def pdf(self, birth: Birth, language: Language) -> bytes | None:
        """For signing by hand; None where it could not be made. Raises printing.Busy."""
        speak = self.speaker(birth.address, language)
        view, t = self.view(birth, speak), speak.t
        job = {
            "title": (self._shown.name or t("page.console")).upper(),
            "head": t("birth.title"),
            "facts": view.facts,
            "trust": view.trust,
            "summary": view.summary,
            "heads": [t("birth.step"), t("birth.result"), t("birth.found")],
            "lines": [
                {
                    "cells": [line.title, line.word, "\n".join(line.said)],
                    "picture": birth.record.steps[line.picture].picture if line.picture is not None else None,
                }
                for line in view.lines
            ],
            "signed": [t("birth.signed_installer"), t("birth.signed_receiver")],
            "foot": t("aired.printed", at=local_now(self._shown.zone)),
            "page": t("monthly.paper_page"),
        }
        made, code = await self._printer.printed(json.dumps(job).encode())
        return made if code == 0 else None


def _nobody_came(step: Step) -> bool:
    return step.result == "skipped" and not step.reason and not step.stages


def _line(at: int, step: Step, speak: Speaker) -> Line:
    name = f": {step.name}" if step.name else ""
    said = [_said(stage, speak) for stage in step.stages]
    if step.reason:
        said.append(speak.t("birth.reason", reason=step.reason))
    word = speak.t("birth.is_not_done" if _nobody_came(step) else f"birth.is_{step.result}")
    title = f"{speak.t(f'birth.kind_{step.kind}')}{name}"
    return Line(title, step.result, word, tuple(said), at if step.picture else None)


def _said(stage: Stage, speak: Speaker) -> str:
    text = stage.vi if speak.language == "vi" else stage.en
    if stage.seen is None:
        return text
    return f"{text} {speak.t('birth.seen' if stage.seen else 'birth.not_seen')}"
