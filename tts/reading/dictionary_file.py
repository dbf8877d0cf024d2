"""Dictionary files: YAML lists of entries, read with clear errors, and written without losing a comment."""

import os
import tempfile
import unicodedata
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from tts import errors
from tts.errors import SpeechError
from tts.files import durable_replace
from tts.reading.entry import GAP, GAPS, Entry, is_speakable

SHIPPED = ("administration", "agriculture", "weather", "health", "foreign")

_KEYS = {"written", "pattern", "spoken", "note"}
_LARGEST = 2_000_000


def remember(path: Path, written: str, spoken: str, note: str = "") -> None:
    """Append a reading to a commune's dictionary, in one step that a power cut cannot spoil; comments stay.

    Raises:
        SpeechError: `speech.dictionary`: the file or the reading is not as it should be; nothing was changed.
        OSError: the disk refused.
    """
    before = path.read_bytes().decode("utf-8") if path.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    spoken = " ".join(unicodedata.normalize("NFC", spoken).split())
    line = f"- {{written: {_quoted(written)}, spoken: {_quoted(spoken)}"
    after = before + line + (f", note: {_quoted(note)}}}\n" if note else "}\n")
    if before:
        parse(before, str(path))
    parse(after, str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tts-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(after)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        durable_replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_entries(path: Path) -> list[Entry]:
    """Read the entries of a file. Errors as in `Dictionary.load`."""
    try:
        if path.stat().st_size > _LARGEST:
            raise SpeechError(errors.DICTIONARY, f"{path}: more than {_LARGEST} bytes; cut it into several files")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpeechError(errors.DICTIONARY, f"{path}: cannot be read: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise SpeechError(errors.DICTIONARY, f"{path}: is no UTF-8 text; save it as UTF-8") from error
    return parse(text, str(path))


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
        raise SpeechError(errors.DICTIONARY, f"{name}, line {line}: is no YAML ({error.problem}); {mend}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SpeechError(errors.DICTIONARY, f"{name}: is no YAML; remove control characters") from error
    finally:
        loader.dispose()
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise _fault(name, root, "must be a list: begin each entry with '- written: ...'")
    return [_entry(node, name) for node in root.value]


def _entry(node: Any, name: str) -> Entry:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _fault(name, node, "an entry looks like '- {written: NVH, spoken: nhà văn hóa}'")
    fields: dict[str, Any] = {}
    for key, value in node.value:
        if key.value not in _KEYS or key.value in fields:
            why = "stands twice" if key.value in fields else "is no key; use written, pattern, spoken, note"
            raise _fault(name, key, f"{key.value!r} {why}")
        fields[key.value] = value
    if ("written" in fields) == ("pattern" in fields) or "spoken" not in fields:
        raise _fault(name, node, "an entry has 'written' or 'pattern', and 'spoken'")
    is_pattern = "pattern" in fields
    key = fields["pattern" if is_pattern else "written"]
    written = _text(key, name)
    ways = tuple(_way(value, name, written if is_pattern else "") for value in _listed(fields["spoken"]))
    if not ways:
        raise _fault(name, fields["spoken"], f"{written!r} has no spoken words")
    if is_pattern and not GAP.search(written):
        raise _fault(name, key, f"{written!r} has no gap; use 'written', or one of {', '.join(GAPS)}")
    if is_pattern and (unknown := [gap for gap in GAP.findall(written) if gap not in GAPS]):
        raise _fault(name, key, f"{unknown[0]} is no gap; use one of {', '.join(GAPS)}")
    note = _text(fields["note"], name, may_be_empty=True) if "note" in fields else ""
    return Entry(written, ways, note, is_pattern)


def _listed(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node.value, list) else [node]


def _text(node: Any, name: str, may_be_empty: bool = False) -> str:
    if not isinstance(node.value, str):
        raise _fault(name, node, "a text is needed here; put it into double quotes")
    text = " ".join(unicodedata.normalize("NFC", node.value).split())
    if not text and not may_be_empty:
        raise _fault(name, node, "is empty; write something or remove the entry")
    return text


def _way(node: Any, name: str, pattern: str) -> str:
    words = _text(node, name).lower()
    if pattern and sorted(GAP.findall(words)) != sorted(GAP.findall(pattern.lower())):
        raise _fault(name, node, f"{pattern!r} and its spoken words must have the same gaps")
    if not is_speakable(GAP.sub("x", words) if pattern else words):
        raise _fault(name, node, f"{words!r} must be words only: write numbers and signs as words")
    return words


def _fault(name: str, node: Any, mend: str) -> SpeechError:
    return SpeechError(errors.DICTIONARY, f"{name}, line {node.start_mark.line + 1}: {mend}")


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
