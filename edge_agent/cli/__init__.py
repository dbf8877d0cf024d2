"""The command line `edge-agent`. Each command is a module that is imported only when it is used."""

import sys

import click

from edge_agent import words
from edge_agent.version import VERSION

_COMMANDS = {
    "run": "Run this node (what systemd starts)",
    "demo": "Broker, hub, two nodes and a camera on this machine, in one command",
    "check": "Check a configuration: every mistake with its line",
    "safe": "Switch every line off when the agent has been dead for too long",
    "safe-mode": "Say whether only lines and link run after failed starts, and end that",
    "doctor": "Try each driver, the broker, the clock, the disk",
    "enrol": "Make this node trusted by the hub, by a one-time token",
    "firstboot": "Set up this box from its card, and write onto the card how it went",
    "panel": "Show a simulated cabinet, break things in it and mend them",
    "read": "Show how a text will be said, and what has to be decided",
    "say": "Speak a sentence on this machine",
    "voices": "List the voices: what works here, what is missing, how fast",
    "enhance": "Make a sound file clear for a horn in noise",
    "lights": "Show what lights and switches will do, night by night",
    "calendar": "Show bulletins day by day, check lawful hours, read and write iCalendar",
    "plan": "Put a file of bulletins on nodes' calendars, recordings and all",
    "programme": "Make a radio programme from a script, with a cue sheet",
    "live": "Speak now on nodes, by a microphone or a sound file",
    "rules": "Say what rules on sensors do, and try them over recorded data",
    "send": "Send a command to a node and wait for its answer",
    "watch": "Show what nodes report",
    "cameras": "Find cameras, try them, look through them, get the block for the configuration",
    "modbus": "Look at a Modbus: who is there, what a device says",
    "card": "Write a box's settings onto its card, from a sheet of nodes; print labels",
    "update": "See, fetch and install new versions of the agent, go back",
    "schema": "Write AsyncAPI, JSON Schemas and the reference pages",
}


class _Lazy(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"edge_agent.cli.{name.replace('-', '_')}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from error


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--lang", type=click.Choice(["vi", "en"]), help="Language of what is printed (also EDGE_LANG; default vi)."
)
@click.version_option(VERSION, prog_name="edge-agent")
def cli(lang: str | None) -> None:
    """Edge controller of a smart commune: loudspeakers, lights and cameras of one node.

    \b
    Begin with:   edge-agent demo
    On a node:    edge-agent check /etc/edge-agent/node.yaml
                  edge-agent doctor /etc/edge-agent/node.yaml
                  edge-agent run /etc/edge-agent/node.yaml
    """  # noqa: D301 - click wants the character itself
    if lang is not None:
        words.speak("vi" if lang == "vi" else "en")


def main() -> None:
    """Entry point."""
    try:
        # click hands an Exit's code back instead of raising it
        code = cli(prog_name="edge-agent", standalone_mode=False)
    except click.Abort:
        click.echo(words.say("run.stopped"), err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    sys.exit(code or 0)
