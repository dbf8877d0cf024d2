"""Read and check a script: all mistakes at once, each with its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tts.programme import places
from tts.programme.dates import PLACEHOLDERS, unknown
from tts.programme.model import Script, is_file
from tts.programme.places import Document, YamlFault
from tts.programme.problems import Problem, ScriptError

_MOST_BYTES = 2_000_000
_SPOKEN = ("text", "greeting", "closing")
Found = tuple[places.Path, str, str, Mapping[str, Any]]


def load(path: str | Path) -> Script:
    """Return the script in a YAML file. Its paths are relative to its folder.

    Raises:
        ScriptError: with everything that is wrong with it.
    """
    path = Path(path)
    document = _document(path)
    if not isinstance(document.data, dict):
        code, detail = ("not_mapping", "a script has keys") if document.data else ("empty", "the script is empty")
        raise ScriptError(str(path), [problem(document, (), f"programme.{code}", detail, {})])
    found: list[Found] = [(twice, "programme.twice", "this key stands twice", {}) for twice in document.twice]
    script = None
    folder = path.absolute().parent
    try:
        script = Script.model_validate(document.data, context={"folder": folder, "document": document})
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)
        wrong = {each["loc"][0] for each in told if len(each["loc"]) > 1}
        for each in told:
            # Pydantic does not count entries that are wrong, and calls a list of them too short.
            if each["type"] != "too_short" or each["loc"][0] not in wrong:
                place = _real(each["loc"], document.data)
                found.append((place, each["type"], each["msg"], each.get("ctx") or {}))
    found += _cross_check(document.data, folder)
    if found or script is None:
        raise ScriptError(str(path), [problem(document, *each) for each in found])
    return script


def problem(document: Document, path: places.Path, code: str, detail: str, context: Mapping[str, Any]) -> Problem:
    """Return a problem at a path of the script."""
    line, column = document.place(path)
    return Problem(line, column, _dotted(path), code, detail, context)


def _document(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            found = _whole(f"more than {_MOST_BYTES} bytes", why="programme.large", params={"limit": _MOST_BYTES})
            raise ScriptError(str(path), [found])
        return places.read(raw.decode("utf-8-sig"))
    except OSError as error:
        raise ScriptError(str(path), [_whole(error.strerror or str(error), errno=error.errno)]) from error
    except UnicodeDecodeError as error:
        raise ScriptError(str(path), [_whole("not UTF-8", why="programme.utf8")]) from error
    except YamlFault as fault:
        context = {"detail": fault.detail, "said": fault.said}
        raise ScriptError(str(path), [Problem(*fault.place, "", "programme.yaml", fault.detail, context)]) from fault


def _whole(reason: str, **context: Any) -> Problem:
    return Problem(1, 1, "", "programme.unreadable", f"cannot be read: {reason}", {"detail": reason, **context})


def _cross_check(data: dict[str, Any], folder: Path) -> Iterator[Found]:
    """What no single key can tell. Works on the raw data, so that it is found together with all else."""
    voices = data.get("voices")
    known = list(voices) if isinstance(voices, dict) else ["voice"]
    segments = data.get("segments")
    for number, segment in enumerate(segments if isinstance(segments, list) else []):
        if isinstance(segment, dict):
            here = ("segments", number)
            yield from _voices(here, segment, known)
            yield from _files(here, segment, folder)
            yield from _placeholders(here, segment)


def _voices(here: places.Path, segment: dict[str, Any], known: list[str]) -> Iterator[Found]:
    wanted: list[tuple[places.Path, Any]] = [((*here, "voice"), segment.get("voice"))]
    if isinstance(segment.get("voices"), list):
        wanted += [((*here, "voices", place), name) for place, name in enumerate(segment["voices"])]
    for path, name in wanted:
        if isinstance(name, str) and name not in known:
            context = {"name": name, "known": ", ".join(known)}
            yield path, "programme.voice", f"there is no voice {name!r}; there are: {context['known']}", context


def _files(here: places.Path, segment: dict[str, Any], folder: Path) -> Iterator[Found]:
    for key in ("recording", "music"):
        name = segment.get(key)
        if not isinstance(name, str) or (key == "music" and not is_file(name)):
            continue
        if not (folder / name).is_file():
            code = "programme.file" if key == "recording" or "." in name else "programme.music"
            yield (*here, key), code, f"there is no file {name}", {"name": name}


def _placeholders(here: places.Path, segment: dict[str, Any]) -> Iterator[Found]:
    texts = [((*here, key), segment.get(key)) for key in _SPOKEN]
    if isinstance(segment.get("dialogue"), list):
        texts += [((*here, "dialogue", place), text) for place, text in enumerate(segment["dialogue"])]
    for path, text in texts:
        for name in unknown(text) if isinstance(text, str) else ():
            context = {"name": name, "known": ", ".join(PLACEHOLDERS)}
            yield path, "programme.placeholder", f"{{{name}}} cannot be filled in", context


def _real(location: tuple[int | str, ...], data: Any) -> places.Path:
    """Return pydantic's location without what the file does not have: tags of unions, marks of keys."""
    real: list[int | str] = []
    here = data
    if location[:1] == ("segments",):
        location = location[:2] + location[3:]
    for place, part in enumerate(location):
        inside = (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        )
        if inside:
            here = here[part]
        elif part == "[key]" or place != len(location) - 1:
            continue
        real.append(part)
    return tuple(real)


def _dotted(path: places.Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text
