"""Frames on the wire: what a forger, a replayer or a broken network can do to them is nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from edge_agent.contract.topics import is_voice, parse, voice
from edge_agent.contract.voice import MOST_BYTES, BadFrame, VoiceFrame, VoiceReader, VoiceSigner

TOPIC = voice("26734", "live-1")
SIGNER = VoiceSigner(TOPIC)
READER = VoiceReader(TOPIC, SIGNER.public)
PACKET = st.binary(min_size=1, max_size=90)


@st.composite
def frames(draw: st.DrawFn) -> VoiceFrame:
    first = draw(st.integers(0, 800_000))
    again = draw(st.integers(0, min(6, first)))
    new = draw(st.integers(1, 6))
    packets = tuple(draw(PACKET) for _ in range(again + new))
    return VoiceFrame(draw(st.integers(0, 2**32 - 1)), first, again, packets)


@given(frames())
def test_what_is_signed_is_read_again(frame: VoiceFrame) -> None:
    message = SIGNER.sign(frame)
    assert len(message) <= MOST_BYTES
    assert READER.read(message) == frame
    numbers = [number for number, _ in frame.numbered()]
    assert numbers == list(range(frame.first - frame.again, frame.first - frame.again + len(frame.packets)))


@given(st.binary(max_size=2_000))
@settings(max_examples=500)
def test_noise_is_refused_and_nothing_else_happens(noise: bytes) -> None:
    with pytest.raises(BadFrame):
        READER.read(noise)


@given(frames(), st.data())
@settings(max_examples=300)
def test_one_changed_byte_is_noticed(frame: VoiceFrame, data: st.DataObject) -> None:
    message = bytearray(SIGNER.sign(frame))
    message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadFrame):
        READER.read(bytes(message))


@given(frames(), st.data())
@settings(max_examples=200)
def test_a_cut_or_longer_message_is_noticed(frame: VoiceFrame, data: st.DataObject) -> None:
    message = SIGNER.sign(frame)
    cut = data.draw(st.integers(0, len(message) - 1))
    for wrong in (message[:cut], message + bytes(cut + 1)):
        with pytest.raises(BadFrame):
            READER.read(wrong)


def signed(body: bytes, topic: str = TOPIC, key: SigningKey = SIGNER._key) -> bytes:
    return body + key.sign(b"edge-voice-1\0" + topic.encode() + b"\0" + body).signature


HEAD = b"EV\x01\x01\x00\x00" + bytes(4) + bytes(8)


def test_a_frame_by_the_letter_of_the_description() -> None:
    frame = READER.read(signed(HEAD + b"\x00\x03abc"))
    assert frame == VoiceFrame(0, 0, 0, (b"abc",))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (signed(HEAD + b"\x00\x03abc", key=SigningKey.generate()), "forged"),
        (signed(HEAD + b"\x00\x03abc", topic=voice("26734", "live-2")), "forged"),
        (signed(HEAD + b"\x00\x04abc"), "malformed"),
        (signed(HEAD + b"\x00\x02abc"), "malformed"),
        (signed(HEAD + b"\x00\x00"), "size"),
        (signed(HEAD + b"\x00\x00" + b"\x00\x01a"), "malformed"),
        (signed(b"EV\x02" + HEAD[3:] + b"\x00\x03abc"), "malformed"),
        (signed(b"EV\x01\x00" + HEAD[4:] + b"\x00\x03abc"), "malformed"),
        (signed(b"EV\x01\x01\x01" + HEAD[5:] + b"\x00\x01a" * 2), "malformed"),  # says again what was before the epoch
        (signed(HEAD[:10] + (961).to_bytes(8, "big") + b"\x00\x03abc"), "malformed"),
        (signed(HEAD[:10] + (2**64 - 64).to_bytes(8, "big") + b"\x00\x03abc"), "malformed"),
        (signed(HEAD + b"\x05\x00" + bytes(1280)), "size"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[: len(HEAD)].hex(),  # the same in every process
)
def test_why_it_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(BadFrame) as bad:
        READER.read(message)
    assert bad.value.reason == reason


def test_a_sender_cannot_make_too_large_a_message() -> None:
    for frame in (
        VoiceFrame(0, 6, 0, (bytes(400),) * 3),
        VoiceFrame(0, 1, 2, (b"a",) * 3),
        VoiceFrame(0, 9, 0, (b"a",) * 7),
        VoiceFrame(0, 9, 1, (b"a",)),
    ):
        with pytest.raises(ValueError, match=r"bytes|packets"):
            SIGNER.sign(frame)


def test_the_key_is_what_live_start_carries() -> None:
    assert len(SIGNER.public) == 43
    with pytest.raises(ValueError, match="Ed25519"):
        VoiceReader(TOPIC, "A" * 42 + "!")


def test_a_voice_has_a_topic_of_its_own() -> None:
    assert is_voice(TOPIC)
    assert parse(TOPIC) is None
    assert not any(map(is_voice, ("edge/1/node/cmd", "edge/1/voice", "edge/1/voice/a/b", "x/1/voice/a")))
