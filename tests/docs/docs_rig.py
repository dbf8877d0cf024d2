"""What the tests of the documents share: the files, their code blocks, and a running example."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.rig import REPO

DOCS = REPO / "docs"
EXAMPLES = DOCS / "examples"
GUIDES = sorted(DOCS.glob("guide-*.md"))
RECORDS = sorted((DOCS / "adr").glob("[0-9]*.md"))
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else stands behind the fence, and what is inside."""

    file: str
    language: str
    mark: str
    text: str


def blocks(path: Path, language: str) -> list[Block]:
    """The blocks of a language in a file."""
    found = _BLOCK.findall(path.read_text(encoding="utf-8"))
    return [Block(path.name, name, mark.strip(), text) for name, mark, text in found if name == language]


def markdown() -> list[Path]:
    """All pages that people write; not what tools keep in hidden or foreign folders."""
    return sorted(
        path
        for path in REPO.rglob("*.md")
        if not any(part.startswith(".") or part in ("node_modules", "build") for part in path.relative_to(REPO).parts)
    )


@contextmanager
def example(name: str, *arguments: str, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Run an example; yields the files of what it prints and of what it complains of."""
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as output, err.open("wb") as errors:
        child = subprocess.Popen([sys.executable, str(EXAMPLES / name), *arguments], stdout=output, stderr=errors)
    try:
        yield out, err
        assert child.poll() is None, err.read_text()
    finally:
        child.terminate()
        child.wait(10)
