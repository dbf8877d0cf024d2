"""How commands end and answer. Light: a command that has little to do must not wait for imports."""

import json
import sys
from typing import Any, NoReturn

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
BAD_INPUT = 2


def utf8(text: bytes | str) -> str:
    """Return a text that came in, of standard input or of the command line.

    Raises:
        UnicodeDecodeError: it is not UTF-8: another encoding, or no text at all.
    """
    return text.decode("utf-8") if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape").decode("utf-8")


def fail(sentence: str, code: int = 1) -> NoReturn:
    """End with a sentence on standard error."""
    click.echo(sentence, err=True)
    raise click.exceptions.Exit(code)


def show_json(data: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=None if not sys.stdout.isatty() else 2, default=str))
