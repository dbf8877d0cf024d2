"""Only what a pinned key signed is read; everything else is refused with a code, whatever it looks like."""

import json
from base64 import urlsafe_b64encode

import pytest
from core_examples import SIGNER, command
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contract.base import MAX_BODY
from edge_agent.contract.errors import Refusal
from edge_agent.contract.signature import Signer, Verifier, public_key

VERIFIER = Verifier({SIGNER.key_id: SIGNER.public})
PAYLOAD = command().model_dump_json().encode()


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: object, payload: bytes = PAYLOAD, key: Signer = SIGNER) -> bytes:
    """A message with any header, signed over that header as JWS says."""
    protected = b64(header if isinstance(header, bytes) else json.dumps(header).encode())
    body = b64(payload)
    signature = key._key.sign(f"{protected}.{body}".encode()).signature
    return json.dumps({"protected": protected, "payload": body, "signature": b64(signature)}).encode()


def code_of(message: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        VERIFIER.verify(message)
    return caught.value.fault.code


def test_what_was_signed_is_read() -> None:
    assert VERIFIER.verify(SIGNER.sign(PAYLOAD)) == PAYLOAD
    assert VERIFIER.verify(SIGNER.sign(PAYLOAD)) == PAYLOAD  # now by the remembered header
    assert VERIFIER.verify(forged({"alg": "Ed25519", "kid": SIGNER.key_id})) == PAYLOAD


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "hub-1"},
        {"alg": "HS256", "kid": "hub-1"},
        {"alg": "ES256", "kid": "hub-1"},
        {"alg": ["EdDSA"], "kid": "hub-1"},
        {"alg": "EdDSA", "kid": "hub-2"},
        {"alg": "EdDSA", "kid": None},
        {"alg": "EdDSA", "kid": ["hub-1"]},
        {"alg": "EdDSA"},
        {"kid": "hub-1"},
        {"alg": "EdDSA", "kid": "hub-1", "crit": ["exp"]},
        {"alg": "EdDSA", "kid": "hub-1", "crit": []},
        [],
        "EdDSA",
        None,
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 30_000,
        b'{"alg":"EdDSA","kid":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda header: str(header)[:40],
)
def test_a_header_that_is_not_ours_is_refused(header: object) -> None:
    assert code_of(forged(header)) == "command.signature"


def test_hs256_with_the_public_key_as_secret_is_refused() -> None:
    import hashlib
    import hmac

    protected, body = b64(b'{"alg":"HS256","kid":"hub-1"}'), b64(PAYLOAD)
    mac = hmac.new(SIGNER.public.encode(), f"{protected}.{body}".encode(), hashlib.sha256).digest()
    message = {"protected": protected, "payload": body, "signature": b64(mac)}
    assert code_of(json.dumps(message).encode()) == "command.signature"


def test_another_key_under_the_right_name_is_refused() -> None:
    assert code_of(Signer("hub-1", bytes(32)).sign(PAYLOAD)) == "command.signature"


def test_a_signature_does_not_fit_another_payload_or_header() -> None:
    good, other = json.loads(SIGNER.sign(PAYLOAD)), json.loads(SIGNER.sign(b"{}"))
    assert code_of(json.dumps({**good, "payload": other["payload"]}).encode()) == "command.signature"
    assert code_of(json.dumps({**good, "signature": other["signature"]}).encode()) == "command.signature"
    for junk in (good["payload"] + "!!", good["payload"] + "\n", good["payload"][:-4]):
        assert code_of(json.dumps({**good, "payload": junk}).encode()) == "command.signature"


@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
@pytest.mark.parametrize("value", ["", "A", "é", "\udcff", "=" * 100, "A" * 86, "****", " "])
def test_each_part_may_be_anything(part: str, value: str) -> None:
    message = {**json.loads(SIGNER.sign(PAYLOAD)), part: value}
    assert code_of(json.dumps(message).encode()) == "command.signature"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b"\xff\xfe\x00",
        b'{"protected":1,"payload":2,"signature":3}',
        b'{"protected":null}',
        b"[" * MAX_BODY,
        b'{"a":' * 10_000,
        b"9" * 5_000,
        "lệnh bật đèn".encode(),
        SIGNER.sign(PAYLOAD)[:-20],
    ],
    ids=lambda message: repr(message[:20]),
)
def test_what_is_no_jws_is_malformed(message: bytes) -> None:
    assert code_of(message) == "command.malformed"


def test_huge_messages_are_not_even_read() -> None:
    assert code_of(b"[" * 100_000) == "command.too_large"
    assert code_of(SIGNER.sign(b"x" * MAX_BODY)) == "command.too_large"


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(message: bytes) -> None:
    assert code_of(message).startswith("command.")


@given(st.data())
def test_one_changed_byte_is_noticed(data: st.DataObject) -> None:
    message = bytearray(SIGNER.sign(PAYLOAD))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != message[place]))
    try:
        assert VERIFIER.verify(bytes(message)) == PAYLOAD  # a change of spelling, not of meaning
    except Refusal as refusal:
        assert refusal.fault.code in ("command.signature", "command.malformed")


@pytest.mark.parametrize("text", ["", "A", "x" * 42, "x" * 44, "é" * 43, "!" * 43])
def test_a_pinned_key_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        public_key(text)
