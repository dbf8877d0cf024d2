"""`edge-agent read`."""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import click

from edge_agent.cli.faults import as_json as error_json
from edge_agent.cli.faults import fail_speech, sentence_of
from edge_agent.cli.output import BAD_INPUT, fail, utf8
from edge_agent.words import say
from tts.errors import DICTIONARY, SpeechError
from tts.reading import Question, Reader, Reading, ReadingSettings


@click.command("read")
@click.argument("text", nargs=-1)
@click.option("--strict", is_flag=True, help="Refuse what a person has to decide, instead of taking the likeliest.")
@click.option("--region", type=click.Choice(["north", "south"]), default="north", help="Words for numbers.")
@click.option(
    "--dictionary",
    "dictionaries",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A commune's dictionary (YAML); later ones win.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per announcement: spoken, spans, questions.")
def command(text: tuple[str, ...], strict: bool, region: str, dictionaries: tuple[Path, ...], as_json: bool) -> None:
    """Show how TEXT will be said: what is changed, and what a person has to decide.

    Without TEXT each line of standard input is one announcement, and each gives one line: its spoken words. A line that
    cannot be read gives an empty line and a sentence on standard error; the exit code is 2 then.
    """
    settings = ReadingSettings.model_validate({"region": region, "dictionaries": dictionaries, "strict": strict})
    reader = Reader(settings)
    _show_doubles(dictionaries)
    if text:
        _show_one(reader, " ".join(text), as_json)
    elif not _read_lines(reader, as_json):
        raise click.exceptions.Exit(BAD_INPUT)


def _show_doubles(dictionaries: tuple[Path, ...]) -> None:
    """Note what a dictionary has more than once: the last one is read, which may not be what is meant."""
    if not dictionaries:
        return
    from tts.reading.dictionary_file import twice

    for path in dictionaries:
        try:
            found = twice(path)
        except SpeechError as error:
            fail_speech(error)
        for written, first, line in found:
            click.echo(say("read.twice", file=path, written=written, first=first, line=line), err=True)


def _show_one(reader: Reader, text: str, as_json: bool) -> None:
    try:
        reading = reader.read(utf8(text))
    except UnicodeDecodeError:
        fail(say("input.not_utf8"), BAD_INPUT)
    except SpeechError as error:
        if not as_json:
            _show_questions(error.questions, text)
        fail_speech(error, as_json)
    click.echo(_json(reading) if as_json else _coloured(reading))
    if not as_json:
        _show_changes(reading)
        _show_questions(reading.questions, reading.written)


def _read_lines(reader: Reader, as_json: bool) -> bool:
    """Say whether every line of standard input could be read; lines end with a line feed and nothing else."""
    good = True
    for number, raw in enumerate(sys.stdin.buffer, 1):
        answer = wrong = ""
        try:
            line = utf8(raw).rstrip("\r\n")
            if line.strip():
                reading = reader.read(line)
                answer = _json(reading) if as_json else " ".join(reading.spoken.split())
        except UnicodeDecodeError:
            wrong = say("input.not_utf8")
            answer = json.dumps({"error": {"code": "input.not_utf8", "text": wrong}, "questions": []})
        except SpeechError as error:
            if error.code == DICTIONARY:
                fail_speech(error)
            wrong = sentence_of(error)
            answer = error_json(error)
        if wrong:
            good = False
            answer = answer if as_json else ""
            click.echo(say("read.line", number=number, sentence=wrong), err=True)
        click.echo(answer)
    return good


def _json(reading: Reading) -> str:
    return json.dumps(asdict(reading), ensure_ascii=False)


def _coloured(reading: Reading) -> str:
    """Return the spoken words; those that stand for something written otherwise are coloured, open ones yellow."""
    asked = {(question.start, question.end) for question in reading.questions}
    parts: list[str] = []
    end = 0
    for span in reading.spans:
        colour = "yellow" if (span.start, span.end) in asked else "green"
        parts += (reading.written[end : span.start].lower(), " ", click.style(span.spoken, fg=colour), " ")
        end = span.end
    parts.append(reading.written[end:].lower())
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(re.sub(r" (?=[,.;:!?…])", "", line) for line in lines if line)


def _show_changes(reading: Reading) -> None:
    for span in reading.spans:
        spoken = span.spoken or say("read.nothing")
        click.echo(f"    {span.written}  ->  {click.style(spoken, fg='green')}  ({span.rule})")


def _show_questions(questions: tuple[Question, ...], written: str) -> None:
    for question in questions:
        around = written[max(0, question.start - 20) : question.end + 20].replace("\n", " ")
        click.echo(click.style(say("read.asked", written=question.written, around=around), fg="yellow"))
        for place, way in enumerate(question.candidates, 1):
            note = f"  ({way.note})" if way.note else ""
            click.echo(f"    {place}. {way.spoken or say('read.nothing')}{note}")
