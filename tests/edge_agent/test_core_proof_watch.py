"""Crackle, hum and foreign sound on an idle speaker are told once and taken back; a street is no fault."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from core_hearing import OTHERS, RATE, spoken, street

from drivers.audio import microphone_noise as noise
from drivers.audio.microphone_acoustics import through_horn
from edge_agent.proof import idle
from edge_agent.proof.model import ProofError, Sounds
from edge_agent.proof.samples import Floats, read
from edge_agent.proof.watch import LEARN, Floor, Watch

FRAMES = 3 * RATE
QUIET = 10 ** (-50 / 20)


def background(seed: int) -> Floats:
    return QUIET * street(FRAMES, "traffic", seed)


def learnt() -> Watch:
    watch = Watch()
    for seed in range(LEARN + 4):
        assert not watch.hear(idle.measure(background(seed)))
    return watch


def voice(folder: Path, seed: int) -> Floats:
    speech = np.concatenate([read(spoken(folder, text), RATE) for text in OTHERS])
    begin = (seed * 12_345) % (len(speech) - FRAMES)
    return noise.unit(speech[begin : begin + FRAMES])


def sick(kind: str, seed: int, folder: Path) -> Floats:
    source = voice(folder, seed) if kind == "voice" else noise.make(kind, FRAMES, RATE, np.random.default_rng(seed))
    return background(seed) + through_horn(10 ** (-33 / 20) * source, RATE)


@pytest.mark.parametrize(
    ("kind", "code"), [("hum", "speaker.hum"), ("crackle", "speaker.crackle"), ("voice", "speaker.foreign_audio")]
)
def test_a_fault_is_told_once_within_four_recordings_and_taken_back(tmp_path: Path, kind: str, code: str) -> None:
    watch = learnt()
    told = [watch.hear(idle.measure(sick(kind, seed, tmp_path))) for seed in range(20, 30)]
    assert watch.fault is not None and watch.fault.code == code
    assert told.index(True) in (2, 3) and told.count(True) == 1
    back = [watch.hear(idle.measure(background(seed))) for seed in range(40, 48)]
    assert back.count(True) == 1 and watch.fault is None


def test_a_fault_is_not_learnt_as_usual_while_it_lasts(tmp_path: Path) -> None:
    watch = learnt()
    before = watch.floor.as_json()
    humming = [idle.measure(sick("hum", seed, tmp_path)) for seed in range(5)]
    for number in range(300):
        watch.hear(humming[number % 5])
    assert watch.fault is not None and watch.floor.as_json() == before


@pytest.mark.parametrize("kind", ["street", "rain", "wind", "traffic", "speech"])
def test_an_hour_of_a_louder_street_is_no_fault(kind: str) -> None:
    watch = learnt()
    for seed in range(300):
        watch.hear(idle.measure(3 * QUIET * noise.make(kind, FRAMES, RATE, np.random.default_rng(seed))))
        assert watch.fault is None


def test_music_with_its_bass_is_the_neighbours_and_not_the_horns() -> None:
    watch = learnt()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        bass = noise.coloured(((30, 0), (120, 0), (250, -12), (8000, -60)), FRAMES, RATE, rng)
        watch.hear(idle.measure(background(seed) + 0.03 * (noise.music(FRAMES, RATE, rng) + bass)))
    assert watch.fault is None


def test_a_hum_that_was_always_there_is_usual() -> None:
    transformer = 10 * QUIET * noise.hum(FRAMES, RATE, np.random.default_rng(1))
    watch = Watch()
    for seed in range(100):
        watch.hear(idle.measure(background(seed % 12) + transformer))
    assert watch.fault is None


def test_a_microphone_that_hears_nothing_at_all_is_told() -> None:
    watch = Watch()
    for _ in range(3):
        watch.hear(idle.measure(np.zeros(FRAMES)))
    assert watch.fault is not None and watch.fault.code == "microphone.silent"


def test_one_bark_is_nothing() -> None:
    watch = learnt()
    loud = Sounds(-20, -30, -30, -20, -60, voice=1.0)
    usual = replace(loud, horn_dbfs=-60, voice=0.0)
    for sounds in [loud, usual, usual, usual, loud, usual, usual, loud, usual]:
        watch.hear(sounds)
    assert watch.fault is None


def test_what_is_usual_survives_the_disk_and_follows_the_day_slowly() -> None:
    watch = learnt()
    floor = Floor.from_json(watch.floor.as_json())
    assert floor == watch.floor
    usual = Sounds(-40, -45, floor.horn_dbfs + 5, -45, floor.low_dbfs)
    floor.learn(usual)
    assert floor.horn_dbfs == pytest.approx(watch.floor.horn_dbfs + 0.05)
    for _ in range(200):
        floor.learn(usual)
    assert floor.horn_dbfs == pytest.approx(usual.horn_dbfs)


def test_levels_are_those_of_a_sine() -> None:
    sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(FRAMES) / RATE)
    sounds = idle.measure(sine)
    for level in (sounds.level_dbfs, sounds.ambient_dbfs, sounds.pause_dbfs, sounds.horn_dbfs):
        assert level == pytest.approx(-23.0, abs=0.2)  # A-weighting is 0 dB at 1 kHz
    assert sounds.low_dbfs < -100


def test_too_little_is_an_error() -> None:
    with pytest.raises(ProofError) as error:
        idle.measure(np.zeros(RATE // 2))
    assert error.value.retry


def test_a_voice_too_soft_for_the_own_horn_is_another_nodes(tmp_path: Path) -> None:
    watch = learnt()
    for seed in range(20, 30):
        sounds = idle.measure(sick("voice", seed, tmp_path))
        watch.hear(sounds, least_dbfs=sounds.horn_dbfs + 1)
    assert watch.fault is None
    for seed in range(20, 30):
        sounds = idle.measure(sick("voice", seed, tmp_path))
        watch.hear(sounds, least_dbfs=sounds.horn_dbfs - 1)
    assert watch.fault is not None and watch.fault.code == "speaker.foreign_audio"
