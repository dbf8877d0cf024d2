"""The words of the fault panel, and its files when several processes write them."""

import multiprocessing

import pytest

from drivers.simulated.config import SimulatedCabinetConfig
from drivers.simulated.faults import OF_CABINET, OF_LINES, PanelError, Rehearsed, parse, things, words
from drivers.simulated.panel import Panel

CONFIG = SimulatedCabinetConfig(lines={"den-1": {}, "bom": {"kind": "pump", "litres_per_minute": 20}})


@pytest.mark.parametrize(
    ("thing", "word", "meant"),
    [
        ("den-1", "burnt-out", Rehearsed("burnt-out", 100)),
        ("den-1", "burnt-out:50", Rehearsed("burnt-out", 50)),
        ("den-1", "Burnt-Out=12.5", Rehearsed("burnt-out", 12.5)),
        ("den-1", "stuck-on", Rehearsed("stuck-on")),
        ("den-1", "ok", None),
        ("bom", "dry", Rehearsed("dry")),
        ("door", "open", Rehearsed("open")),
        ("door", "ok", None),
        ("door", "1", Rehearsed("value", 1)),
        ("supply", "loss", Rehearsed("loss")),
        ("temperature", "38.5", Rehearsed("value", 38.5)),
        ("temperature", "value=-3", Rehearsed("value", -3)),
        ("den-1_contact", "silent", Rehearsed("silent")),
        ("temperature", "nan", Rehearsed("nan")),
    ],
)
def test_a_word_means_a_fault_and_the_fault_says_the_word_again(thing, word, meant):
    assert parse(CONFIG, thing, word) == meant
    if meant is not None:
        assert parse(CONFIG, thing, meant.word()) == meant


@pytest.mark.parametrize(
    ("thing", "word", "code", "suggested"),
    [
        ("den-2", "dead", "panel.unknown_thing", "den-1"),
        ("dor", "open", "panel.unknown_thing", "door"),
        ("xyzzy", "dead", "panel.unknown_thing", ""),
        ("den-1", "burned-out", "panel.unknown_fault", "burnt-out"),
        ("den-1", "dry", "panel.unknown_fault", ""),
        ("den-1", "open", "panel.unknown_fault", ""),
        ("door", "opened", "panel.unknown_fault", "open"),
        ("den-1", "5", "panel.unknown_fault", ""),
        ("den-1", "burnt-out:0", "panel.bad_number", ""),
        ("den-1", "burnt-out:half", "panel.bad_number", ""),
        ("den-1", "cycling:1e9", "panel.bad_number", ""),
        ("den-1", "dead:5", "panel.no_number", ""),
        ("door", "2", "panel.bad_number", ""),
        ("temperature", "value", "panel.bad_number", ""),
        ("temperature", "inf", "panel.unknown_fault", ""),
    ],
)
def test_another_word_is_refused_with_the_one_that_was_meant(thing, word, code, suggested):
    with pytest.raises(PanelError) as caught:
        parse(CONFIG, thing, word)
    assert caught.value.code == code
    assert caught.value.meant == suggested


def test_everything_that_is_offered_can_be_set():
    for thing in things(CONFIG):
        for word in words(CONFIG, thing):
            assert parse(CONFIG, thing, "value:0" if word == "value" else word) is not None
    assert set(words(CONFIG, "bom")) == set(OF_LINES)
    assert set(OF_CABINET) < set(things(CONFIG))


def _set_many(folder, name):
    panel = Panel(folder)
    for number in range(50):
        panel.change({f"{name}-{number}": "dead"})


def test_two_processes_that_write_at_once_lose_nothing(tmp_path):
    workers = [multiprocessing.Process(target=_set_many, args=(tmp_path, name)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    panel = Panel(tmp_path)
    while any(worker.is_alive() for worker in workers):
        panel.faults()  # never half a file
    for worker in workers:
        worker.join(10)
        assert worker.exitcode == 0
    assert len(panel.faults()) == 100


def test_mending_one_leaves_the_others_and_clearing_leaves_none(tmp_path):
    panel = Panel(tmp_path / "not-yet")
    assert panel.faults() == {}
    assert panel.ask(0.1) is None
    panel.change({"a": "dead", "b": "dead"})
    assert panel.change({"a": None}) == {"b": "dead"}
    assert panel.change({}, clear=True) == {}
    assert panel.faults() == {}
