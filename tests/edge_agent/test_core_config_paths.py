"""Relative paths in a configuration begin at its own folder."""

from pathlib import Path

import pytest

from bench.rig import node_config
from edge_agent.config.load import load
from edge_agent.config.secrets import reveal
from edge_agent.contract.signature import Signer


def test_relative_paths_begin_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    hub = {"url": "http://127.0.0.1:1", "token": {"file": "token"}}
    file = node_config(tmp_path, 1883, Signer("a", bytes(32)), hub=hub, storage={"path": "state"})
    monkeypatch.chdir(tmp_path)
    relative = load(Path(file.name)).config
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for config in (relative, load(file).config):
        assert config is not None
        assert config.storage.path == tmp_path / "state"
        assert config.hub is not None
        assert reveal(config.hub.token) == "t0ken"
