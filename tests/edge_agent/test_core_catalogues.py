"""Every code and every key has a sentence in both languages, with the same gaps."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import edge_agent
from camera.model import FaultCode
from drivers.contract import FAULT_CODES
from edge_agent import words
from edge_agent.contract.commands import KINDS
from edge_agent.contract.sentences import Language, sentences
from tts import errors as tts_errors

ROOT = Path(edge_agent.__file__).parent
LANGUAGES: tuple[Language, Language] = ("vi", "en")
FILE_ENDINGS = {"db", "json", "key", "md", "txt", "yaml", "yml"}
GAPS_OF_CALLS = {"Refusal": 0, "Fault.of": 0, "say": 0}


def gaps(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def calls() -> Iterator[tuple[str, str, str, set[str] | None]]:
    """Place, function, first argument, names given (None where they are passed on as a whole)."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            function = ast.unparse(node.func).removeprefix("words.")
            if function in GAPS_OF_CALLS:
                whole = any(keyword.arg is None for keyword in node.keywords)
                given = None if whole else {str(keyword.arg) for keyword in node.keywords}
                for code in _texts(node.args[0]):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", function, code, given


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return [*_texts(node.body), *_texts(node.orelse)] if isinstance(node, ast.IfExp) else []


def literals() -> set[str]:
    """Every text in the source that looks like a code of a family that the contract has."""
    families = {code.split(".")[0] for code in sentences("vi")}
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                family, dot, rest = node.value.partition(".")
                if dot and family in families and rest.replace("_", "").isalpha() and rest.islower():
                    found.add(node.value)
    return found


@pytest.mark.parametrize("catalogue", [sentences, words.catalogue], ids=["contract", "terminal"])
def test_both_languages_have_the_same_keys_and_gaps(catalogue) -> None:
    vi, en = catalogue("vi"), catalogue("en")
    assert set(vi) == set(en)
    assert {key: gaps(vi[key]) for key in vi} == {key: gaps(en[key]) for key in en}
    assert all(text.strip() for text in (*vi.values(), *en.values()))
    assert list(vi) == sorted(vi) and list(en) == sorted(en)


def test_every_code_of_the_hardware_cameras_and_voices_has_sentences() -> None:
    codes = {*FAULT_CODES, *get_args(FaultCode)}
    codes |= {value for value in vars(tts_errors).values() if isinstance(value, str) and value.startswith("speech.")}
    for language in LANGUAGES:
        assert codes <= set(sentences(language))
        assert all(gaps(sentences(language)[code]) <= {"detail", "driver", "guess"} for code in codes)


def test_every_refusal_in_the_source_has_sentences_and_fills_their_gaps() -> None:
    seen = 0
    for place, function, code, given in calls():
        if function == "say":
            continue
        seen += 1
        for language in LANGUAGES:
            assert code in sentences(language), f"{place}: {code} has no sentence ({language})"
            if given is not None:
                assert gaps(sentences(language)[code]) <= given, (
                    f"{place}: {code} needs {gaps(sentences(language)[code])}"
                )
    assert seen > 30


def test_every_mistake_that_a_validator_names_has_sentences_and_fills_their_gaps() -> None:
    """The loader adds `key`; what else a sentence needs, the validator gives."""
    seen = 0
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "PydanticCustomError":
                continue
            seen += 1
            code, place = ast.literal_eval(node.args[0]), f"{path.relative_to(ROOT)}:{node.lineno}"
            given = {ast.literal_eval(key) for key in node.args[2].keys} if len(node.args) > 2 else set()
            for language in LANGUAGES:
                known = sentences(language) if code.startswith("invalid.") else words.catalogue(language)
                assert code in known, f"{place}: {code} has no sentence ({language})"
                assert gaps(known[code]) <= {"key", *given}, f"{place}: {code}"
    assert seen > 30


def test_every_say_in_the_source_has_words() -> None:
    seen = 0
    for place, function, key, given in calls():
        if function != "say":
            continue
        seen += 1
        known = {**sentences("vi"), **words.catalogue("vi")}
        assert key in known, f"{place}: {key} has no words"
        if given is not None:
            assert gaps(known[key]) <= given, f"{place}: {key} needs {gaps(known[key])}"
    assert seen > 20


def test_every_text_that_looks_like_a_code_is_one() -> None:
    known = set(sentences("vi")) | set(words.catalogue("vi"))
    others = {*KINDS, "camera.clip"}  # commands, a module of the demo
    files = {text for text in literals() if text.rpartition(".")[2] in FILE_ENDINGS}
    assert literals() - known - others - files == set()


def test_words_fall_back_to_the_key_and_survive_missing_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")
    assert words.say("no.such.key") == "no.such.key"
    assert words.say("config.missing") == words.catalogue("vi")["config.missing"]
    assert words.say("speech.empty") == sentences("vi")["speech.empty"]
    words.speak("en")
    assert words.language() == "en"
    assert words.say("speech.empty") == sentences("en")["speech.empty"]
