"""Dictionary files: YAML lists of entries, read with clear errors, and written without losing a comment."""

import unicodedata
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from tts import errors
from tts.errors import SpeechError
from tts.files import draft, real_target
from tts.reading.entry import GAP, GAPS, Entry, is_speakable

SHIPPED = ("administration", "agriculture", "weather", "health", "foreign")

_KEYS = {"written", "pattern", "spoken", "note"}
_LARGEST = 2_000_000


def remember(path: str | Path, written: str, spoken: str, note: str = "") -> None:
    """Append a reading to a commune's dictionary, in one step that a power cut cannot spoil; comments stay.

    Raises:
        SpeechError: `speech.dictionary`: the file or the reading is not as it should be; nothing was changed.
        OSError: the disk refused, or `path` is no file.
    """
    path = Path(path)
    real_target(path)  # a pipe would keep us waiting
    before = _content(path) if path.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    spoken = " ".join(unicodedata.normalize("NFC", spoken).split())
    line = f"- {{written: {_quoted(written)}, spoken: {_quoted(spoken)}"
    after = before + line + (f", note: {_quoted(note)}}}\n" if note else "}\n")
    if before:
        parse(before, str(path))
    parse(after, str(path))
    with draft(path) as temporary:
        temporary.write_text(after, encoding="utf-8", newline="")


def read_entries(path: Path) -> list[Entry]:
    """Read the entries of a file. Errors as in `Dictionary.load`."""
    return parse(_content(path), str(path))


def twice(path: Path) -> list[tuple[str, int, int]]:
    """Return what a good file has more than once: what is written, the line before, the line that holds.

    Raises:
        SpeechError: as `Dictionary.load`.
    """
    import yaml

    text = _content(path)
    entries = parse(text, str(path))
    if not entries:
        return []
    root: Any = yaml.compose(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    lines: dict[str, int] = {}
    found = []
    for node, entry in zip(root.value, entries, strict=True):
        line = node.start_mark.line + 1
        if entry.written in lines:
            found.append((entry.written, lines[entry.written], line))
        lines[entry.written] = line
    return found


def _content(path: Path) -> str:
    named = {"file": str(path)}
    try:
        if path.stat().st_size > _LARGEST:
            detail = f"{path}: more than {_LARGEST} bytes; cut it into several files"
            raise SpeechError(errors.DICTIONARY, detail, why="dictionary.large", params={**named, "limit": _LARGEST})
        return path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        detail = f"{path}: cannot be read: {error.strerror}; check the path"
        params: dict[str, str | int] = {**named, "detail": error.strerror or str(error), "errno": error.errno or 0}
        raise SpeechError(errors.DICTIONARY, detail, why="dictionary.unreadable", params=params) from error
    except UnicodeDecodeError as error:
        detail = f"{path}: is no UTF-8 text; save it as UTF-8"
        raise SpeechError(errors.DICTIONARY, detail, why="dictionary.utf8", params=named) from error


def parse(text: str, name: str) -> list[Entry]:
    """Read the entries of a YAML text; `name` stands in errors. Errors as in `Dictionary.load`."""
    import yaml

    # The base loader keeps every scalar as text: NO, 115 and 7:30 are no booleans and numbers here.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        mend = "put texts with : # { } [ ] & * into double quotes, indent with spaces"
        detail = f"{name}, line {line}: is no YAML ({error.problem}); {mend}"
        params: dict[str, str | int] = {"file": name, "line": line}
        raise SpeechError(errors.DICTIONARY, detail, why="dictionary.yaml", params=params) from error
    except (yaml.YAMLError, RecursionError) as error:
        detail = f"{name}: is no YAML; remove control characters"
        raise SpeechError(errors.DICTIONARY, detail, why="dictionary.control", params={"file": name}) from error
    finally:
        loader.dispose()
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise _fault(name, root, "list", "must be a list: begin each entry with '- written: ...'")
    return [_entry(node, name) for node in root.value]


def _entry(node: Any, name: str) -> Entry:
    fields = _fields(node, name)
    is_pattern = "pattern" in fields
    key = fields["pattern" if is_pattern else "written"]
    written = _text(key, name)
    ways = tuple(_way(value, name, written if is_pattern else "") for value in _listed(fields["spoken"]))
    known = ", ".join(GAPS)
    if not ways:
        raise _fault(name, fields["spoken"], "no_words", f"{written!r} has no spoken words", written=written)
    if is_pattern and not GAP.search(written):
        mend = f"{written!r} has no gap; use 'written', or one of {known}"
        raise _fault(name, key, "no_gap", mend, written=written, known=known)
    if is_pattern and (unknown := [gap for gap in GAP.findall(written) if gap not in GAPS]):
        raise _fault(name, key, "gap", f"{unknown[0]} is no gap; use one of {known}", gap=unknown[0], known=known)
    note = _text(fields["note"], name, may_be_empty=True) if "note" in fields else ""
    return Entry(written, ways, note, is_pattern)


def _fields(node: Any, name: str) -> dict[str, Any]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _fault(name, node, "entry", "an entry looks like '- {written: NVH, spoken: nhà văn hóa}'")
    fields: dict[str, Any] = {}
    for key, value in node.value:
        if key.value in fields:
            raise _fault(name, key, "key_twice", f"{key.value!r} stands twice", key=str(key.value))
        if not isinstance(key.value, str) or key.value not in _KEYS:
            mend = f"{key.value!r} is no key; use written, pattern, spoken, note"
            raise _fault(name, key, "key", mend, key=str(key.value))
        fields[key.value] = value
    if ("written" in fields) == ("pattern" in fields) or "spoken" not in fields:
        raise _fault(name, node, "parts", "an entry has 'written' or 'pattern', and 'spoken'")
    return fields


def _listed(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node.value, list) else [node]


def _text(node: Any, name: str, may_be_empty: bool = False) -> str:
    if not isinstance(node.value, str):
        raise _fault(name, node, "text", "a text is needed here; put it into double quotes")
    text = " ".join(unicodedata.normalize("NFC", node.value).split())
    if not text and not may_be_empty:
        raise _fault(name, node, "empty", "is empty; write something or remove the entry")
    return text


def _way(node: Any, name: str, pattern: str) -> str:
    words = _text(node, name).lower()
    if pattern and sorted(GAP.findall(words)) != sorted(GAP.findall(pattern.lower())):
        mend = f"{pattern!r} and its spoken words must have the same gaps"
        raise _fault(name, node, "other_gaps", mend, written=pattern)
    if not is_speakable(GAP.sub("x", words) if pattern else words):
        mend = f"{words!r} must be words only: write numbers and signs as words"
        raise _fault(name, node, "words", mend, words=words)
    return words


def _fault(name: str, node: Any, why: str, mend: str, **params: str) -> SpeechError:
    line = node.start_mark.line + 1
    named = {"file": name, "line": line, **params}
    return SpeechError(errors.DICTIONARY, f"{name}, line {line}: {mend}", why=f"dictionary.{why}", params=named)


def _quoted(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(1)
def shipped() -> tuple[Entry, ...]:
    """Return the entries of the dictionaries that come with this package."""
    folder = resources.files("tts.reading") / "data"
    return tuple(
        entry for name in SHIPPED for entry in parse((folder / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")
    )
