"""Writes the manual pages from what the command lines say of themselves."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from debtools import texts

_PRINT = """
import sys, importlib, click
group = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
def show(command, name):
    context = click.Context(command, info_name=name, terminal_width=76, max_content_width=76)
    print("\\x00" + name + "\\x00" + command.get_help(context))
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            try:
                found = command.get_command(context, child)
            except ImportError as error:
                print(f"no page for {name} {child}: {error}", file=sys.stderr)
                continue
            show(found, name + " " + child)
show(group, sys.argv[3])
"""
_PROGRAMS = (("edge-agent", "edge_agent.cli", "cli", "edge controller of a smart commune"),
             ("edge-hub", "hub.cli", "main", "web console of a smart commune"))  # fmt: skip


def write(source: Path, stage: Path, version: str, when: int) -> None:
    """`edge-agent.1` and `edge-hub.1`, each command with its help."""
    day = datetime.fromtimestamp(when, UTC).date().isoformat()
    for name, module, group, line in _PROGRAMS:
        done = subprocess.run(
            [sys.executable, "-c", _PRINT, module, group, name],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(source), "EDGE_LANG": "en", "COLUMNS": "76"},
        )  # fmt: skip
        text = page(name, line, done.stdout, day, version)
        texts.compress(text.encode(), stage / f"usr/share/man/man1/{name}.1.gz")


def page(name: str, line: str, helps: str, day: str, version: str) -> str:
    """A page in man's own language. `helps`: for each command NUL, its name, NUL, its help."""
    pieces = helps.split("\0")[1:]
    text = f'.TH {name.upper()} 1 "{day}" "edge-agent {version}" "User Commands"\n'
    text += f".SH NAME\n{name} \\- {line}\n.SH COMMANDS\n"
    for command, shown in zip(pieces[::2], pieces[1::2], strict=True):
        body = "\n".join(_escape(part) for part in shown.rstrip().splitlines())
        text += f'.SS "{command}"\n.nf\n{body}\n.fi\n'
    return text + ".SH FILES\n/etc/edge-agent, /usr/share/edge-agent (examples), /usr/share/doc/edge-agent (guides)\n"


def _escape(line: str) -> str:
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line
