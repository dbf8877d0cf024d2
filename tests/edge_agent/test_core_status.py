"""What counts as wrong with a node now, as its status tells it."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from bench.rig import node_config
from edge_agent.config.load import load
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, SpeakerState
from edge_agent.contract.signature import Signer
from edge_agent.core import Core

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)


def test_why_a_bulletin_was_not_heard_is_nothing_that_is_wrong_now(tmp_path: Path) -> None:
    loaded = load(node_config(tmp_path, 1, Signer("test", secrets.token_bytes(32))))
    assert loaded.config is not None
    core = Core(loaded.config)
    try:
        bulletin = BulletinState(id="b", at=NOW, title="Họp thôn", actual="preparing", fault=Fault.of("audio.empty"))
        core.post("bulletin")(bulletin)
        assert core.faults.newest == bulletin.fault  # it will not be heard as it is
        for actual in ("aired", "partly", "missed", "cancelled"):
            stopped = Fault.of("speaker.stopped", by="Lan")
            core.post("bulletin")(bulletin.model_copy(update={"actual": actual, "fault": stopped}))
            assert core.faults.newest is None
        core.post("speaker")(SpeakerState(id="horn", at=NOW, actual="idle", fault=Fault.of("speaker.not_heard")))
        assert core.faults.newest == Fault.of("speaker.not_heard")
    finally:
        core.database.close()
