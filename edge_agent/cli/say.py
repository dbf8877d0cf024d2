"""`edge-agent say`. What was said before is found before anything heavy is imported."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json, utf8
from edge_agent.words import say as word
from tts.files import durable_copy
from tts.recall import Notes
from tts.speech import Speech

if TYPE_CHECKING:
    from edge_agent.config.model import Driver, NodeConfig
    from tts.manner import Manner
    from tts.model import VoiceSettings


@click.command("say")
@click.argument("text", required=False)
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="A node's YAML: its voice, its speaker."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a WAV instead of playing.")
@click.option("--offline", is_flag=True, help="Only the voice that needs no Internet.")
@click.option("--noise", help="Enhance for a horn in this noise: quiet, street, storm or a number of dB.")
@click.option("--plain", is_flag=True, help="Leave out the enhancement for horns.")
@click.option("--strict", is_flag=True, help="Refuse a text with places that nobody said how to read.")
@AS_JSON
def command(text: str | None, out: Path | None, as_json: bool, **options: Any) -> None:
    """Speak TEXT (or what comes on standard input) here, without broker or hub.

    Without --config: the default voices (gTTS sends the text to Google; --offline does not), not enhanced unless
    --noise is given, and this machine's sound card, or a WAV file in the current folder where there is none.
    """
    if out is not None and out.suffix.lower() != ".wav":
        fail(word("say.ending", path=out), BAD_INPUT)
    if options["noise"] is not None and options["plain"]:
        fail(word("say.noise_or_plain"), BAD_INPUT)
    written = _written(text)
    config: Path | None = options["config"]
    asked = ("edge-agent say", written, {**options, "config": str(config.absolute()) if config else None})
    known = Notes(_own_cache()).get(*asked)
    if known is not None and out is not None:
        try:
            durable_copy(known.path, out)
        except OSError as error:
            _fail_file(error, out)
        _show(known, str(out), as_json, cached=True)
        return
    _speak(written, asked, out, as_json, options)


def _written(text: str | None) -> str:
    try:
        return utf8(text if text is not None else sys.stdin.buffer.read())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        fail(word("read.line", number=line, sentence=word("input.not_utf8")), BAD_INPUT)


def _fail_file(error: OSError, out: Path | None) -> NoReturn:
    from edge_agent.cli.faults import fail_file

    fail_file(error, out)


def _own_cache() -> Path:
    """Where speech is kept for people at a terminal."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-agent" / "voice"


def _speak(written: str, asked: tuple[object, ...], out: Path | None, as_json: bool, options: dict[str, Any]) -> None:
    from drivers.contract import DriverFault
    from tts.errors import SpeechError
    from tts.manner import Manner
    from tts.recall import files_of

    node = _node(options["config"]) if options["config"] else None
    voice = _voice(node, options)
    if not as_json:
        click.echo(word("say.reading"), err=True)
    manner = Manner(strict=options["strict"] or None, plain=options["plain"])
    try:
        speech, output = _said(written, manner, voice, out, node)
    except SpeechError as error:
        from edge_agent.cli.faults import fail_speech

        fail_speech(error, as_json)
    except DriverFault as fault:
        from edge_agent.contract.sentences import sentence
        from edge_agent.words import language

        fail(sentence(fault.code, language(), {"detail": fault.detail, "driver": "-", "guess": "-"}))
    except OSError as error:
        _fail_file(error, out)
    files = [*files_of(voice), *([options["config"]] if node else [])]
    Notes(_own_cache()).put(speech, files, *asked)
    _show(speech, output, as_json, cached=speech.cached)


def _node(config: Path) -> "NodeConfig":
    from edge_agent.cli.common import load_or_fail

    return load_or_fail(config)


def _voice(node: "NodeConfig | None", options: dict[str, Any]) -> "VoiceSettings":
    from tts.enhance.settings import EnhancementSettings
    from tts.model import EspeakSettings, VoiceSettings

    voice = node.voice if node else VoiceSettings(enhancement=EnhancementSettings(enabled=False))
    changes: dict[str, object] = {"cache_dir": _own_cache()}
    if options["offline"]:
        changes["chain"] = (EspeakSettings(),)
    if (noise := options["noise"]) is not None:
        from edge_agent.cli.noise import Noise

        try:
            level = Noise().convert(noise, None, None)
        except click.BadParameter as error:
            fail(error.message, BAD_INPUT)
        changes["enhancement"] = voice.enhancement.model_copy(update={"enabled": True, "noise": level})
    return voice.model_copy(update=changes)


def _said(
    text: str, manner: "Manner", voice: "VoiceSettings", out: Path | None, node: "NodeConfig | None"
) -> tuple[Speech, str]:
    """Speak in this process: a person waits, and a worker of our own would have to start first."""
    import asyncio

    from tts.chain import Synthesiser

    with Synthesiser(voice) as synthesiser:
        speech = synthesiser.say(text, manner)
        if out is not None:
            durable_copy(speech.path, out)
            return speech, str(out)
        return speech, asyncio.run(_play(speech.path, _speaker(node) or _default_speaker()))


def _speaker(node: "NodeConfig | None") -> "Driver | None":
    """The driver of the node's first speaker."""
    if node is None or not node.speakers:
        return None
    return next((entry for entry in node.drivers if entry.id == node.speakers[0].driver), None)


def _default_speaker() -> "Driver":
    from edge_agent.config.model import Driver
    from edge_agent.demo.sound import sound_card

    kind = "file-speaker" if sound_card() is None else "pyaudio-speaker"
    settings = {"directory": str(Path.cwd()), "paced": False} if kind == "file-speaker" else {}
    return Driver.model_validate({"id": "say", "driver": kind, **settings})


async def _play(path: Path, entry: "Driver") -> str:
    import tempfile

    from drivers.contract import DriverFault
    from drivers.contract import Speaker as SpeakerDriver
    from edge_agent.clock import SystemClock
    from edge_agent.hardware import make

    with tempfile.TemporaryDirectory() as folder:
        driver = make(entry, SystemClock("assume"), Path(folder))
        async with driver:
            if not isinstance(driver, SpeakerDriver):
                raise DriverFault("driver.not_supported", f"{entry.driver} is no speaker")
            return (await driver.play(path)).output


def _show(speech: Speech, output: str, as_json: bool, *, cached: bool) -> None:
    if as_json:
        tried = [{"engine": attempt.engine, "code": attempt.code} for attempt in speech.tried]
        show_json(
            {
                "spoken": speech.spoken,
                "engine": speech.engine,
                "voice": speech.voice,
                "seconds": round(speech.seconds, 2),
                "sha256": speech.sha256,
                "cached": cached,
                "guessed": list(speech.guessed),
                "tried": tried,
                "output": output,
            }
        )
        return
    for attempt in speech.tried:
        click.echo(f"    {attempt.engine}: {attempt.code}", err=True)
    click.echo(word("say.done", engine=speech.engine, seconds=f"{speech.seconds:.1f}", spoken=speech.spoken))
    for guessed in speech.guessed:
        click.echo(word("say.guessed", written=guessed), err=True)
    click.echo(word("say.kept", output=output))
