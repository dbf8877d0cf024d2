"""What went wrong with speech, sounds and files: a sentence and an exit code, the same in each command of the voice."""

import errno
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.contract.errors import Fault
from edge_agent.words import catalogue, language, say
from tts import errors
from tts.errors import AudioError, SpeechError
from tts.files import TargetError

_OF_THE_INPUT = {errors.EMPTY, errors.TOO_LONG, errors.UNCLEAR, errors.DICTIONARY, errors.HORN}
_OF_THE_NAME = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}


def sentence_of(error: SpeechError | AudioError) -> str:
    """Say an error of the voice in the language of the terminal."""
    if error.code == errors.UNCLEAR and isinstance(error, SpeechError):
        return say("read.unclear", written=", ".join(question.written for question in error.questions))
    return Fault.of(error.code, detail=detail_of(error.why, error.params, error.detail)).text(language())


def detail_of(why: str, params: Any, detail: str) -> str:
    """Say the cause in the language of the terminal; `detail`, which is English, where it has no words."""
    key = f"why.{why}"
    if "errno" in params:
        params = {**params, "detail": reason_of(OSError(params["errno"], params["detail"]))}
    return say(key, **params) if key in catalogue(language()) else detail


def code_of(error: SpeechError | AudioError) -> int:
    """Return the exit code: 2 if another input would do, 1 if the machine is to blame."""
    return BAD_INPUT if isinstance(error, AudioError) or error.code in _OF_THE_INPUT else 1


def as_json(error: SpeechError | AudioError) -> str:
    """Return an error as a line of JSON, with the questions that a person has to answer."""
    asked = error.questions if isinstance(error, SpeechError) else ()
    told = {"code": error.code, "detail": error.detail, "text": sentence_of(error)}
    return json.dumps({"error": told, "questions": [asdict(each) for each in asked]}, ensure_ascii=False)


def fail_speech(error: SpeechError | AudioError, json_too: bool = False) -> NoReturn:
    """End with the sentence on standard error, and with JSON on standard output if that was asked for."""
    if json_too:
        click.echo(as_json(error))
    fail(sentence_of(error), code_of(error))


def fail_file(error: OSError, path: Path | None) -> NoReturn:
    """End with what is wrong with a file; `path` stands for a name that the system did not tell."""
    name = error.filename if error.filename is not None else path
    if isinstance(error, TargetError):
        fail(say(error.code, path=name), BAD_INPUT)
    code = BAD_INPUT if error.errno in _OF_THE_NAME else 1
    fail(say("error.sentence", detail=f"{name}: {reason_of(error)}"), code)


def reason_of(error: OSError) -> str:
    """Return what the system says, in the language of the terminal where it has words."""
    key = f"system.{errno.errorcode.get(error.errno or 0, '').lower()}"
    return say(key) if key in catalogue(language()) else error.strerror or str(error)
