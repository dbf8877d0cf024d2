"""`edge-agent voices`."""

from pathlib import Path
from typing import Any

import click

from edge_agent.cli.output import AS_JSON, show_json
from edge_agent.words import catalogue, language, say
from tts.engines.settings import EngineSettings, PiperSettings
from tts.engines.survey import VoiceState, survey
from tts.model import VoiceSettings
from tts.voices import voices_of


@click.command("voices")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="A node's YAML: its chain of voices.")
@click.option(
    "--voice-file", type=click.Path(path_type=Path, dir_okay=False), help="Look at this Piper voice (.onnx), too."
)
@click.option("--measure", is_flag=True, help="Speak a sentence with each voice and time it (gTTS: over the Internet).")
@AS_JSON
def command(config: Path | None, voice_file: Path | None, measure: bool, as_json: bool) -> None:
    """List the voices: whether each works here, what it needs and costs, its licence, where the text goes.

    Without --config: the default voices. Nothing is sent anywhere unless --measure is given. Exit 1 when none works.
    """
    chain = _chain(config)
    if voice_file is not None:
        chain = (*chain, PiperSettings(model=voice_file))
    states, ids = [], [voice.id for voice in voices_of(chain)]
    for number, (id_, state) in enumerate(zip(ids, survey(chain, measure=measure), strict=True), 1):
        states.append(state)
        if not as_json:
            _show(number, id_, state)
    if as_json:
        show_json({"voices": [{"id": id_, **_plain(state)} for id_, state in zip(ids, states, strict=True)]})
    elif config is None and voice_file is None:
        click.echo(say("voices.more"))
    if all(state.code is not None for state in states):
        raise click.exceptions.Exit(1)


def _chain(config: Path | None) -> tuple[EngineSettings, ...]:
    if config is None:
        return VoiceSettings().chain
    from edge_agent.cli.common import load_or_fail

    return load_or_fail(config).voice.chain


def _show(number: int, id_: str, state: VoiceState) -> None:
    ready = state.code is None
    title = f"{number}. {click.style(state.engine, bold=True)} ({state.voice})"
    click.echo(
        f"{title}: {click.style(say('voices.ready' if ready else 'voices.missing'), fg='green' if ready else 'red')}"
    )
    if state.code is not None:
        click.echo(f"   {say(f'voices.why.{state.code}')} ({state.code})")
        click.echo(f"   {say('voices.detail', detail=state.detail)}")
        click.echo(f"   {say('voices.mend', mend=_mend(state))}")
    click.echo(f"   id: {id_}")
    about = state.about
    needs = ", ".join(say(f"voices.need.{need}") for need in about.needs)
    click.echo(f"   {say('voices.needs', needs=needs)}")
    click.echo(f"   {say('voices.sends' if about.sends_text else 'voices.keeps')}")
    click.echo(f"   {say('voices.licence', licence=about.licence, cost=say(f'voices.cost.{about.cost}'))}")
    if state.speed is not None:
        speed = state.speed
        seconds = {"first": speed.first_s, "again": speed.again_s, "audio": speed.audio_s}
        given = {name: f"{value:.2f}" for name, value in seconds.items()}
        click.echo(f"   {say('voices.speed', factor=f'{speed.real_time_factor:.3f}', **given)}")


def _mend(state: VoiceState) -> str:
    """What to do about it: said for the very voice, or for all."""
    own = f"voices.mend.{state.engine}.{state.code}"
    return say(own if own in catalogue(language()) else f"voices.mend.{state.code}")


def _plain(state: VoiceState) -> dict[str, Any]:
    speed = state.speed
    return {
        "engine": state.engine,
        "voice": state.voice,
        "ready": state.code is None,
        "code": state.code,
        "detail": state.detail,
        "mend": _mend(state) if state.code else None,
        "needs": state.about.needs,
        "sends_text": state.about.sends_text,
        "licence": state.about.licence,
        "cost": state.about.cost,
        "speed": None
        if speed is None
        else {
            "first_s": round(speed.first_s, 3),
            "again_s": round(speed.again_s, 3),
            "audio_s": round(speed.audio_s, 2),
            "real_time_factor": round(speed.real_time_factor, 4),
        },
    }
