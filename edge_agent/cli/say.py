"""`edge-agent say`."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from drivers.contract import DriverFault, PlayReport
from drivers.contract import Speaker as SpeakerDriver
from edge_agent.cli.common import AS_JSON, fail, load_or_fail, show_json
from edge_agent.clock import SystemClock
from edge_agent.config.model import Driver
from edge_agent.contract.errors import Fault
from edge_agent.demo.sound import sound_card
from edge_agent.hardware import make
from edge_agent.words import language
from edge_agent.words import say as word
from tts.client import VoiceWorker
from tts.errors import SpeechError
from tts.model import EspeakSettings, Speech, VoiceSettings


@click.command("say")
@click.argument("text", required=False)
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="A node's YAML: its voice, its speaker."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a WAV instead of playing.")
@click.option("--offline", is_flag=True, help="Only the voice that needs no Internet.")
@AS_JSON
def command(text: str | None, config: Path | None, out: Path | None, offline: bool, as_json: bool) -> None:
    """Speak TEXT (or what comes on standard input) here, without broker or hub.

    Without --config: the default voices (gTTS sends the text to Google; --offline does not) and this machine's sound
    card, or a WAV file in the current folder where there is none.
    """
    spoken = text if text is not None else sys.stdin.read()
    node = load_or_fail(config) if config else None
    voice = node.voice if node else VoiceSettings()
    if offline:
        voice = voice.model_copy(update={"chain": (EspeakSettings(),)})
    speaker = (
        next((d for d in node.drivers if node.speakers and d.id == node.speakers[0].driver), None) if node else None
    )
    if not as_json:
        click.echo(word("say.reading"), err=True)
    try:
        speech, output = asyncio.run(_say(spoken, voice, speaker, out))
    except SpeechError as error:
        fail(Fault.of(error.code, detail=error.detail).text(language()))
    except DriverFault as fault:
        fail(Fault.of(fault.code, detail=fault.detail, driver="-", guess="-").text(language()))
    except OSError as error:
        fail(word("error.sentence", detail=f"{error.filename}: {error.strerror}"))
    _show(speech, output, as_json)


async def _say(text: str, voice: VoiceSettings, speaker: Driver | None, out: Path | None) -> tuple[Speech, str]:
    async with VoiceWorker(voice) as worker:
        speech = await worker.say(text, timeout_s=120)
        if out is not None:
            await asyncio.to_thread(lambda: out.write_bytes(speech.path.read_bytes()))
            return speech, str(out)
        report = await _play(speech.path, speaker or _default_speaker())
        return speech, report.output


def _default_speaker() -> Driver:
    kind = "file-speaker" if sound_card() is None else "pyaudio-speaker"
    settings = {"directory": str(Path.cwd()), "paced": False} if kind == "file-speaker" else {}
    return Driver.model_validate({"id": "say", "driver": kind, **settings})


async def _play(path: Path, entry: Driver) -> PlayReport:
    with tempfile.TemporaryDirectory() as folder:
        driver = make(entry, SystemClock("assume"), Path(folder))
        async with driver:
            if not isinstance(driver, SpeakerDriver):
                raise DriverFault("driver.not_supported", f"{entry.driver} is no speaker")
            return await driver.play(path)


def _show(speech: Speech, output: str, as_json: bool) -> None:
    if as_json:
        tried = [{"engine": attempt.engine, "code": attempt.code} for attempt in speech.tried]
        show_json(
            {
                "spoken": speech.spoken,
                "engine": speech.engine,
                "voice": speech.voice,
                "seconds": round(speech.seconds, 2),
                "sha256": speech.sha256,
                "cached": speech.cached,
                "tried": tried,
                "output": output,
            }
        )
        return
    for attempt in speech.tried:
        click.echo(f"    {attempt.engine}: {attempt.code}", err=True)
    click.echo(word("say.done", engine=speech.engine, seconds=f"{speech.seconds:.1f}", spoken=speech.spoken))
    click.echo(word("say.kept", output=output))
