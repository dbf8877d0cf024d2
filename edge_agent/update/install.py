"""The installer: takes what the agent asks for, proves it, switches, and goes back when the new version is not well.

Run as root by systemd. Each step may be cut off and is repeated by the next run; whatever the moment,
`current` leads to a version that runs or that the guard (guard.py) leaves again.
"""

import contextlib
import hashlib
import logging
import os
import time
from datetime import UTC, datetime

from pydantic import ValidationError

from edge_agent.contract.errors import Fault, Refusal
from edge_agent.store.files import sync_folder
from edge_agent.update import health
from edge_agent.update.bundle import MOST_BYTES, Bundle, Here, choose, must_fit, numbers
from edge_agent.update.form import Form, Trial
from edge_agent.update.inbox import Inbox
from edge_agent.update.journal import Books, Journal, Last
from edge_agent.update.means import Means, restart
from edge_agent.update.places import Places, board_model, machine, python_minor
from edge_agent.update.points import point
from edge_agent.update.room import disk_refusal, must_have_room
from edge_agent.update.slots import Slots
from edge_agent.update.switching import Switching
from edge_agent.update.unpack import unpack
from edge_agent.update.wish import WANTED, Wanted
from edge_agent.version import VERSION

log = logging.getLogger(__name__)


class Installer:
    """One run: whatever is under way or asked for is brought to its end."""

    def __init__(self, places: Places, means: Means) -> None:
        self._places = places
        self._means = means
        self._books = Books(places.keep)
        self._slots = Slots(places)
        self._inbox = Inbox(places.inbox)
        self._form = Form(places.config, places.keep, Trial(means.user))
        self._switching = Switching(self._books, self._slots, self._form)

    def run(self) -> Last | None:
        """What became of it; None when there was nothing to do. Raises BlockingIOError while another one runs."""
        self._places.keep.mkdir(parents=True, exist_ok=True, mode=0o755)
        with self._books.alone():
            self._books.tidy()
            journal = self._books.journal()
            if journal is None and (journal := self._begin()) is None:
                return self._books.last()
            return self._to_the_end(journal)

    def _begin(self) -> Journal | None:
        """Take what is wanted; None when nothing is, or when it was refused (and said so)."""
        content = self._inbox.read(WANTED, 10_000)
        if content is None:
            self._inbox.remove(WANTED)
            return None
        version, by = "?", ""
        try:
            wanted = Wanted.model_validate_json(content)
            version, by = wanted.version, wanted.by
            return self._verified(wanted)
        except ValidationError as error:
            self._refused(version, by, Fault.of("update.damaged", detail=str(error)[:200]))
        except Refusal as refusal:
            self._refused(version, by, refusal.fault)
        except OSError as error:
            self._refused(version, by, disk_refusal(error).fault)
        return None

    def _verified(self, wanted: Wanted) -> Journal:
        from edge_agent.update.trust import FromInbox, offered

        point("taken")
        bundles = offered(FromInbox(self._inbox), self._places.keep / "metadata", self._places.pinned())
        # a newer package may run although the version that proved itself last, which this is, came from a slot
        runs = max(VERSION, self._slots.version(self._slots.current()) or VERSION, key=numbers)
        here = Here(runs, machine(), python_minor(), board_model(self._places.root))
        bundle = choose(bundles, here, wanted.version)
        must_fit(bundle, here)
        point("chosen")
        slot = self._slots.free()
        self._slots.clear(slot)
        must_have_room(self._places.keep, bundle.length)
        must_have_room(self._places.opt, bundle.length + bundle.custom.unpacked * 3 // 2)  # and compiled
        self._copy(bundle)
        point("copied")
        journal = Journal(
            step="verified",
            version=bundle.custom.version,
            custom=bundle.custom,
            slot=slot,
            before=self._slots.current(),
            version_before=runs,
            by=wanted.by,
        )
        self._books.write(journal)
        return journal

    def _copy(self, bundle: Bundle) -> None:
        """The archive becomes the installer's own while it is hashed: what was proven can not be changed any more."""
        digest, left, own = hashlib.sha256(), min(bundle.length, MOST_BYTES), self._places.keep / "bundle"
        with self._inbox.open(bundle.sha256) as source, own.open("wb") as file:
            while left > 0 and (chunk := os.read(source, min(left, 1 << 20))):
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if left or digest.hexdigest() != bundle.sha256:
            own.unlink()
            self._inbox.remove(bundle.sha256)  # the agent fetches it anew
            raise Refusal("update.wrong_hash", name=bundle.name)
        sync_folder(own.parent)

    def _to_the_end(self, journal: Journal) -> Last | None:
        # the journal knows it all from here on; a wish that outlived it would install again what was just left
        self._inbox.remove(WANTED)
        try:
            while journal.step in ("verified", "unpacked"):
                point(journal.step)
                journal = self._unpacked(journal) if journal.step == "verified" else self._switched(journal)
        except Refusal as refusal:
            return self._refused(journal.version, journal.by, refusal.fault)
        except OSError as error:
            return self._refused(journal.version, journal.by, disk_refusal(error).fault)
        return self._on_trial()

    def _unpacked(self, journal: Journal) -> Journal:
        folder, bundle = self._slots.path(journal.slot), self._places.keep / "bundle"
        if journal.custom is None:
            raise Refusal("update.damaged", detail="journal")
        self._slots.clear(journal.slot)
        unpack(bundle, folder, journal.custom, self._places.python)
        point("unpacked-whole")
        Trial(self._means.user).run(folder, "--version")
        migrated = self._form.prepare(folder)
        journal = journal.model_copy(update={"step": "unpacked", "migrated": migrated})
        self._books.write(journal)
        point("written")
        bundle.unlink(missing_ok=True)
        return journal

    def _switched(self, journal: Journal) -> Journal:
        wanted = health.needs(health.read(self._places.healthy))
        return self._switching.forward(journal.model_copy(update={"needs": wanted}))

    def _on_trial(self) -> Last | None:
        """The new version is given its minute; then it stays, or the old one comes back."""
        journal = self._switching.settle()
        if journal is None:
            return self._finished()
        version = journal.version
        said = health.read(self._places.healthy)
        if said is None or said.version != version:
            restart(self._means)
        point("restarted")
        why, deadline = "", time.monotonic() + self._means.healthy_s
        while time.monotonic() < deadline and self._books.journal() is not None:
            why = health.missing(health.read(self._places.healthy), version, journal.needs, self._means.steady_s)
            if not why:
                self._switching.keep()
                return self._finished()
            time.sleep(self._means.look_s)
        if self._switching.back(Fault.of("update.unhealthy", version=version, detail=why[:300])):
            restart(self._means)
        return self._finished()

    def _refused(self, version: str, by: str, fault: Fault) -> Last | None:
        log.error("%s", fault.en)
        now = datetime.now(UTC)
        self._books.close(Last(result="refused", version=version, version_before=VERSION, at=now, fault=fault, by=by))
        self._inbox.remove(WANTED)
        return self._finished()

    def _finished(self) -> Last | None:
        with contextlib.suppress(OSError):
            (self._places.keep / "bundle").unlink(missing_ok=True)
        point("finished")
        return self._books.last()
