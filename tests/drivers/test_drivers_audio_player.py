"""The player and the outputs on a sound card that is computed: it plays in real time, refuses, jumps."""

import sys
import threading
import time
import types
from array import array

import pytest
from drivers_stand_ins import write_wav

from drivers.audio import outputs
from drivers.audio.player import Job, Player
from drivers.audio.wav import WavInfo
from drivers.contract import DriverFault


class Card:
    """A PortAudio with one device of the given formats; its stream empties by the clock, as a card does."""

    def __init__(self, accepts=lambda rate, channels, width: True, devices=("Built-in", "USB Horn")):
        self.accepts, self.devices = accepts, devices
        self.streams, self.ended = [], False

    def get_device_count(self):
        return len(self.devices)

    def get_device_info_by_index(self, index):
        return {"index": index, "name": self.devices[index], "maxOutputChannels": 2}

    def get_default_output_device_info(self):
        if not self.devices:
            raise OSError("No Default Output Device Available")
        return self.get_device_info_by_index(0)

    def open(self, *, rate, channels, format, output, output_device_index, frames_per_buffer):  # noqa: A002
        if not self.accepts(rate, channels, format):
            raise OSError(-9997, "Invalid sample rate")
        self.streams.append(CardStream(rate, channels * format, 2 * frames_per_buffer))
        return self.streams[-1]

    def terminate(self):
        self.ended = True


class CardStream:
    def __init__(self, rate, frame_bytes, room):
        self.rate, self.frame_bytes, self.room = rate, frame_bytes, room
        self.data, self.began, self.closed, self.fail_after = b"", None, False, None
        self.granule, self.dry = 1, 0

    def waiting(self):
        if self.began is None:
            return 0
        return max(0, len(self.data) // self.frame_bytes - int((time.monotonic() - self.began) * self.rate))

    def get_write_available(self):
        return self.room - min(self.room, -(-self.waiting() // self.granule) * self.granule)

    def write(self, data):
        if self.fail_after is not None and len(self.data) > self.fail_after:
            raise OSError(-9999, "Unanticipated host error")
        if self.waiting() == 0:  # it ran dry, or begins: its time starts again from what is written now
            self.dry += self.began is not None
            self.began = time.monotonic() - len(self.data) / self.frame_bytes / self.rate
        self.data += data

    def close(self):
        self.closed = True


@pytest.fixture
def card(monkeypatch):
    module = types.ModuleType("pyaudio")
    made = Card()
    module.PyAudio = lambda: made
    module.get_format_from_width = lambda width: width
    monkeypatch.setitem(sys.modules, "pyaudio", module)
    return made


@pytest.fixture
def wav(tmp_path):
    return tmp_path / "a.wav", write_wav(tmp_path / "a.wav", seconds=0.3)


def run(job, before=lambda player: None):
    events = []
    player = Player(job, lambda event, **fields: events.append((event, fields)))
    before(player)
    player.run()
    return events


def test_plays_all_and_tells_the_story(card, wav):
    events = run(Job(wav[0]))
    assert [name for name, _ in events] == ["opened", "started", "ended"]
    assert events[-1][1] == {"seconds": pytest.approx(0.3, abs=0.001), "stopped": False, "underruns": 0}
    (stream,) = card.streams
    assert stream.data.startswith(wav[1])
    assert stream.data[len(wav[1]) :].strip(b"\0") == b""
    assert stream.closed
    assert card.ended


@pytest.mark.parametrize("latency_s", [0.0, 0.2])
def test_the_first_sample_leaves_the_card_at_the_instant_less_the_latency(card, wav, latency_s):
    target = time.monotonic() + 0.8
    events = run(Job(wav[0], target=target, latency_s=latency_s))
    (stream,) = card.streams
    lead = len(stream.data) - len(stream.data.lstrip(b"\0"))
    lead -= lead % 2
    left_card = stream.began + lead / 2 / stream.rate
    heard = dict(events)["started"]["heard"]
    # 50 ms: the thread may be held up between looking at the clock and at the card; the lead is ten times that.
    assert heard == pytest.approx(left_card + latency_s, abs=0.05), "what is told is what the card did"
    assert stream.data[lead:].startswith(wav[1][:1000])


def test_an_instant_that_is_past_begins_at_once_without_silence(card, wav):
    run(Job(wav[0], target=time.monotonic() - 5))
    assert card.streams[0].data.startswith(wav[1])


def test_stopping_ends_with_a_fade(card, tmp_path):
    data = write_wav(tmp_path / "b.wav", data=array("h", [8000] * 220_500).tobytes())
    events = run(Job(tmp_path / "b.wav"), before=lambda player: threading.Timer(0.3, player.stop).start())
    assert events[-1][1]["stopped"]
    heard = array("h", card.streams[0].data)
    while heard[-1] == 0:
        heard.pop()
    assert len(heard) * 2 < len(data) / 4
    fade = heard[-600:]
    assert list(fade) == sorted(fade, reverse=True)
    assert set(heard[:-700]) == {8000}
    assert events[-1][1]["seconds"] == pytest.approx(len(heard) / 22_050, abs=0.01)


def test_a_long_buffer_is_cut_and_not_faded(card, tmp_path):
    write_wav(tmp_path / "b.wav", data=array("h", [8000] * 220_500).tobytes())
    job = Job(tmp_path / "b.wav", buffer_s=1.5)
    events = run(job, before=lambda player: threading.Timer(0.3, player.stop).start())
    assert events[-1][1]["stopped"]
    assert set(array("h", card.streams[0].data)) == {8000}
    assert events[-1][1]["seconds"] < len(card.streams[0].data) / 2 / 22_050, "what was dropped was not heard"


def test_stopped_before_it_began_nothing_is_heard(card, wav):
    events = run(Job(wav[0], target=time.monotonic() + 60), before=lambda player: player.stop())
    assert [name for name, _ in events] == ["opened", "ended"]
    assert events[-1][1] == {"seconds": 0.0, "stopped": True, "underruns": 0}
    assert not card.streams[0].data.strip(b"\0")


def test_a_write_that_fails_is_a_lost_device(card, wav, monkeypatch):
    plain = card.open

    def open_failing(**options):
        stream = plain(**options)
        stream.fail_after = 4000
        return stream

    monkeypatch.setattr(card, "open", open_failing)
    with pytest.raises(DriverFault, match=r"speaker\.device_lost.*Built-in went away") as caught:
        run(Job(wav[0]))
    assert caught.value.retry
    assert card.streams[0].closed
    assert card.ended


def test_a_card_that_tells_only_whole_periods_does_not_run_dry(card, tmp_path, monkeypatch):
    # PulseAudio and some USB cards do; keeping less than a full buffer made them stutter.
    data = write_wav(tmp_path / "c.wav", seconds=1.0)
    plain = card.open

    def open_granular(**options):
        stream = plain(**options)
        stream.granule = options["frames_per_buffer"]
        return stream

    monkeypatch.setattr(card, "open", open_granular)
    events = run(Job(tmp_path / "c.wav"))
    assert (card.streams[0].dry, events[-1][1]["underruns"]) == (0, 0)
    assert card.streams[0].data.startswith(data)


def test_a_card_that_ran_dry_is_counted(card, tmp_path, monkeypatch):
    write_wav(tmp_path / "c.wav", seconds=1.0)
    monkeypatch.setattr("drivers.audio.player._POLL_S", 0.25)  # as on a machine that is far too busy
    assert run(Job(tmp_path / "c.wav"))[-1][1]["underruns"] >= 2


def test_a_card_of_48_khz_stereo_only_gets_that(card, wav):
    card.accepts = lambda rate, channels, width: (rate, channels, width) == (48_000, 2, 2)
    events = run(Job(wav[0]))
    assert events[-1][1]["seconds"] == pytest.approx(0.3, abs=0.001)
    heard = array("h", card.streams[0].data[: int(0.3 * 48_000) * 4])
    assert heard[0::2] == heard[1::2]
    assert max(heard) > 10_000


def test_what_is_tried_begins_with_the_file_itself():
    tried = [(f.rate, f.channels, f.width) for f in outputs.forms(WavInfo(22_050, 1, 3, 10, 44))]
    assert tried[:3] == [(22_050, 1, 3), (22_050, 1, 2), (22_050, 2, 2)]
    assert (48_000, 2, 2) in tried
    assert len(tried) == len(set(tried))


def test_a_card_that_takes_nothing_says_what_was_tried(card, wav):
    card.accepts = lambda *form: False
    with pytest.raises(DriverFault, match=r"does not open; 22050 Hz 1 ch 16 bit.*48000 Hz") as caught:
        run(Job(wav[0]))
    assert caught.value.code == "speaker.no_device"
    assert card.ended


def test_devices_are_found_by_part_of_their_name(card, wav):
    assert run(Job(wav[0], device="usb"))[0][1] == {"output": "USB Horn"}
    with pytest.raises(DriverFault, match="outputs are: Built-in, USB Horn"):
        run(Job(wav[0], device="HDMI"))
    card.devices = ()
    with pytest.raises(DriverFault, match="no default output; outputs are: none"):
        run(Job(wav[0]))


def test_a_missing_pyaudio_is_named(monkeypatch, wav):
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(DriverFault, match=r"driver\.missing_library.*PyAudio"):
        run(Job(wav[0]))
