"""Compiled templates: kept for the next start, never believed blindly, never in the way."""

from pathlib import Path

import jinja2
import pytest

from hub import compiled
from hub.compiled import Compiled


def pages(templates: Path, kept: Path) -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(templates), bytecode_cache=Compiled(kept), autoescape=True)


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page.html").write_text("Chào {{ name }}")
    compiled._known.cache_clear()  # as in a new process
    return folder


def test_next_start_takes_what_was_compiled(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    assert pages(templates, kept).get_template("page.html").render(name="xã") == "Chào xã"
    assert kept.stat().st_mode & 0o777 == 0o700
    compiled._known.cache_clear()
    again = pages(templates, kept)
    monkeypatch.setattr(again, "_parse", lambda *_: pytest.fail("compiled anew"))
    assert again.get_template("page.html").render(name="xã") == "Chào xã"


def test_changed_template_is_compiled_anew(templates: Path, tmp_path: Path) -> None:
    pages(templates, tmp_path / "kept").get_template("page.html")
    (templates / "page.html").write_text("Thưa {{ name }}")
    for _ in range(2):
        assert pages(templates, tmp_path / "kept").get_template("page.html").render(name="xã") == "Thưa xã"
        compiled._known.cache_clear()


@pytest.mark.parametrize("damage", [b"", b"j2", b"\0" * 400, None])
def test_damaged_file_is_compiled_anew(templates: Path, tmp_path: Path, damage: bytes | None) -> None:
    kept = tmp_path / "kept"
    pages(templates, kept).get_template("page.html")
    (file,) = kept.iterdir()
    file.write_bytes(file.read_bytes()[:-9] if damage is None else damage)
    compiled._known.cache_clear()
    assert pages(templates, kept).get_template("page.html").render(name="<b>") == "Chào &lt;b&gt;"
    assert len([*kept.iterdir()]) == 1


def test_folder_that_cannot_be_written_costs_only_time(templates: Path, tmp_path: Path) -> None:
    kept = tmp_path / "file"
    kept.write_text("no folder")
    assert pages(templates, kept).get_template("page.html").render(name="xã") == "Chào xã"
