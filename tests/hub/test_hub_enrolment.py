"""A node becomes trusted by a one-time token, stays so by renewing, and is shut out at once when it is revoked."""

import asyncio
import hashlib
import json
import stat
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from enrolment_rig import (
    COMMUNE,
    NAME,
    Box,
    Trust,
    comes_in,
    csr,
    new_key,
    tls_broker,
    trusted,
    trusting,
)
from hub_rig import free_port, now, until

from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.contract.topics import NodeTopics
from hub.enrolment import tokens
from hub.enrolment.authority import Authority
from hub.forms import FormError

ON_BOTH_DATABASES = "long"


@pytest.fixture
async def trust(tmp_path: Path, database: dict[str, object]) -> AsyncIterator[Trust]:
    async with trusted(trusting(tmp_path, free_port(), **database)) as running:
        yield running


async def test_a_node_becomes_trusted_by_what_stands_on_its_card(trust: Trust) -> None:
    card = await trust.card()
    pem = (await trust.http.get("/identity/ca.pem")).content
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    assert card.pin == f"sha256:{hashlib.sha256(der).hexdigest()}"
    box = Box(trust.http)
    answer = await box.ask(card.token)
    assert answer.status_code == 200, answer.text
    grant, certificate = box.grant, box.certificate()
    assert grant is not None and (grant.name, grant.commune) == (NAME, COMMUNE)
    assert certificate.subject.rfc4514_string() == f"CN={NAME}"  # whatever stood in the request
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical and list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.public_key() == box.key.public_key()
    assert trust.part.desk.authority.made(certificate)
    assert grant.command_keys[0].public == trust.hub.hub.signer.public
    assert grant.at < grant.renew_from < grant.not_after
    # a node that got no answer asks again, for the same key; nobody else does
    again = await Box(trust.http, key=box.key).ask(card.token)
    assert again.json()["certificate"] == grant.certificate
    other = await Box(trust.http).ask(card.token)
    assert (other.status_code, other.json()["code"]) == (403, "enrol.token_used")
    audit = (await trust.hub.http.get("/audit")).text
    assert "Nút được cấp chứng thư" in audit and "Tạo mã ghi danh cho nút" in audit and card.token not in audit
    # with what it was granted it may send media, until it is revoked
    content = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"picture" * 40
    path, bearer = f"/media/{hashlib.sha256(content).hexdigest()}", f"Bearer {grant.hub.token if grant.hub else ''}"
    await until(lambda: trust.part.enforcing.is_revoked(0) is False)
    refused = await trust.http.put(path, content=content, headers={"Authorization": bearer[:-1] + "x"})
    assert refused.status_code == 401
    kept = await trust.http.put(path, content=content, headers={"Authorization": bearer, "Content-Type": "image/jpeg"})
    assert kept.status_code == 201
    await trust.part.desk.revoke(COMMUNE, NAME)
    await until(lambda: trust.part.enforcing.is_revoked(certificate.serial_number))
    assert (await trust.http.get(path, headers={"Authorization": bearer})).status_code == 401


async def test_two_boxes_with_one_card_at_once_and_only_one_is_trusted(trust: Trust) -> None:
    token = (await trust.card()).token
    boxes = [Box(trust.http) for _ in range(4)]
    answers = await asyncio.gather(*(box.ask(token) for box in boxes))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert {answer.json().get("code", "") for answer in answers} == {"", "enrol.token_used"}


async def test_tokens_that_are_no_good_are_refused_with_the_reason(trust: Trust) -> None:
    box, desk = Box(trust.http), trust.part.desk

    async def code(token: str, **more: object) -> str:
        return str((await box.ask(token, **more)).json()["code"])

    assert await code("A" * 27) == "enrol.token_unknown"
    card = await trust.card()
    assert await code(card.token, name="nha-van-hoa") == "enrol.wrong_node"
    assert await code(card.token, commune="29402") == "enrol.wrong_node"
    second = await trust.card()  # another card for the same node: the first is void
    assert await code(card.token) == "enrol.token_withdrawn"
    await desk.withdraw((await desk.open_tokens())[0])
    assert await code(second.token) == "enrol.token_withdrawn"
    job = partial(
        tokens.make, now=now() - timedelta(hours=2), node=(COMMUNE, NAME), area="", life=timedelta(hours=1), by="x"
    )
    _, old = await trust.hub.hub.store.call(job)
    assert await code(old) == "enrol.token_expired"
    assert await code("short") == "enrol.bad_request"
    for commune, name in (
        (COMMUNE, "hub"),
        (COMMUNE, "all"),
        (COMMUNE, "edge-hub-1"),
        (COMMUNE, "A b"),
        ("voice", "x"),
    ):
        with pytest.raises(FormError):
            await desk.make_token(commune, name, "")
    await trust.enrolled()
    with pytest.raises(FormError, match=r"trust\.name_taken"):
        await desk.make_token("29402", NAME, "")


async def test_requests_that_are_no_good_use_no_token_up(trust: Trust) -> None:
    token, good = (await trust.card()).token, csr(new_key())
    lines = good.splitlines()
    bad = {
        "nothing": "",
        "words": "xin chào",
        "two": good + good,
        "a certificate": trust.part.desk.authority.pem.decode(),
        "RSA": csr(rsa.generate_private_key(65537, 2048)),
        "P-384": csr(ec.generate_private_key(ec.SECP384R1())),
        "changed": "\n".join([lines[0], *reversed(lines[1:-1]), lines[-1]]),
        "tampered": _tampered(good),
    }
    for what, text in bad.items():
        answer = await Box(trust.http).ask(token, csr=text)
        assert (answer.status_code, answer.json()["code"]) == (403, "enrol.bad_csr"), what
    large = await Box(trust.http).ask(token, csr="x" * 40_000)
    assert (large.status_code, large.json()["code"]) == (413, "enrol.too_large")
    assert (await Box(trust.http).ask(token, csr="x" * 9_000)).status_code == 422
    for path in ("/", "/sign-in", "/api/v1/nodes", "/static/hub.css"):
        assert (await trust.http.get(path)).status_code == 404, path
    assert (await Box(trust.http).ask(token)).status_code == 200


async def test_who_is_refused_again_and_again_must_wait(trust: Trust) -> None:
    for _ in range(20):
        assert (await Box(trust.http).ask("B" * 27)).status_code == 403
    waits = await Box(trust.http).ask((await trust.card()).token)
    assert (waits.status_code, waits.json()["code"]) == (429, "enrol.too_often")
    assert 0 < int(waits.headers["retry-after"]) <= 60


async def test_the_present_key_gets_the_next_certificate(trust: Trust, tmp_path: Path) -> None:
    box, next_key = await trust.enrolled(), new_key()
    answer = await box.renew(next_key)
    assert answer.status_code == 200, answer.text
    made = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    assert made.public_key() == next_key.public_key() and made.subject.rfc4514_string() == f"CN={NAME}"
    assert (await box.renew(next_key)).json()["certificate"] == answer.json()["certificate"]  # no answer came: again

    async def code(box: Box, key: ec.EllipticCurvePrivateKey, **more: str) -> str:
        return str((await box.renew(key, **more)).json()["code"])

    stranger = Box(trust.http, grant=box.grant)  # the certificate, which everybody may see, without its key
    assert await code(stranger, new_key()) == "enrol.bad_signature"
    assert await code(box, new_key(), csr=csr(new_key())) == "enrol.bad_signature"
    assert await code(box, new_key(), signature="!!") == "enrol.bad_signature"
    foreign = Authority(tmp_path / "foreign")
    forged = foreign.certify(NAME, box.key.public_key(), now(), timedelta(days=9))
    assert await code(box, new_key(), certificate=forged.public_bytes(Encoding.PEM).decode()) == "enrol.bad_certificate"
    assert await code(box, new_key(), certificate="-----BEGIN CERTIFICATE-----\nx") == "enrol.bad_certificate"
    assert await code(box, box.key) == "enrol.bad_csr"  # a new certificate is for a new key
    other = await trust.enrolled("nha-van-hoa")
    assert await code(box, other.key) == "enrol.bad_csr"  # another node's key
    await trust.part.desk.revoke(COMMUNE, NAME)
    assert await code(box, new_key()) == "enrol.revoked"


async def test_a_box_in_another_ones_place_ends_the_first(trust: Trust) -> None:
    first, second = await trust.enrolled(), await trust.enrolled(key=new_key())
    crl = x509.load_pem_x509_crl(await until(lambda: _list_with(trust, first)))
    assert crl.is_signature_valid(trust.part.desk.authority.certificate.public_key())  # type: ignore[arg-type]
    assert crl.get_revoked_certificate_by_serial_number(second.certificate().serial_number) is None
    assert (await first.renew(new_key())).json()["code"] == "enrol.revoked"


def _list_with(trust: Trust, box: Box) -> bytes:
    folder = trust.part.desk.settings.broker_files
    assert folder is not None
    content = (folder / "crl.pem").read_bytes() if (folder / "crl.pem").exists() else b""
    found = content and x509.load_pem_x509_crl(content)
    known = found and found.get_revoked_certificate_by_serial_number(box.certificate().serial_number)
    return content if known else b""


async def test_secrets_are_nobody_elses_and_stay_over_a_restart(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    async with trusted(config) as trust:
        pin, token = trust.part.desk.authority.pin, (await trust.card()).token
    identity = config.data / "identity"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in identity.iterdir()}
    assert {modes[name] for name in ("ca.key", "listener.key", "broker.key", "upload.key")} == {0o600}
    assert stat.S_IMODE((tmp_path / "broker-files/broker.key").stat().st_mode) == 0o640
    assert token.encode() not in b"".join(path.read_bytes() for path in config.data.glob("*.db*"))
    async with trusted(config) as trust:
        assert trust.part.desk.authority.pin == pin
        assert (await Box(trust.http).ask(token)).status_code == 200


async def test_a_revoked_node_is_thrown_out_of_the_broker_and_stays_out(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    topics = NodeTopics(COMMUNE, NAME)
    with tls_broker(tmp_path, config) as broker:
        following = asyncio.create_task(broker.follow())
        async with trusted(config, connected=True) as trust:
            bad, good = await trust.enrolled(), await trust.enrolled("nha-van-hoa")
            async with comes_in(broker, good, tmp_path) as stays:
                with pytest.raises(aiomqtt.MqttError):
                    async with comes_in(broker, bad, tmp_path, identifier="another-name") as thief:
                        await thief.subscribe(topics.command)
                        await trust.part.desk.revoke(COMMUNE, NAME)
                        async for message in thief.messages:
                            raise AssertionError(message.topic)
                with pytest.raises(aiomqtt.MqttError):
                    async with comes_in(broker, bad, tmp_path):
                        pass
                await stays.publish(NodeTopics(COMMUNE, "nha-van-hoa").ack, b"{}", qos=1)
            fresh = await trust.enrolled()  # the same name, trusted anew
            async with comes_in(broker, fresh, tmp_path) as node:
                await node.publish(topics.event, b"{}", qos=1)
        following.cancel()


def _tampered(good: str) -> str:
    begin, body, end = good.partition("MI")[0], good.splitlines()[1:-1], good.splitlines()[-1]
    flipped = body[-1][:4] + ("A" if body[-1][4] != "A" else "B") + body[-1][5:]
    return "\n".join([begin.strip(), *body[:-1], flipped, end]) + "\n"


async def test_the_command_line_does_the_same_beside_the_running_hub(trust: Trust, tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    raw = trust.hub.config.model_dump(mode="json", include={"data", "enrolment", "database"}, exclude_none=True)
    file.write_text(json.dumps(raw))

    async def run(*words: str) -> str:
        made = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub",
            "enrol",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await made.communicate())[0].decode()

    told = await run("token", str(file), NAME, "nha-van-hoa", "--commune", COMMUNE, "--json")
    card = CardEnrolment.model_validate(json.loads(told.splitlines()[0])["card"])
    assert (card.hub, card.pin) == (trust.part.desk.settings.address, trust.part.desk.authority.pin)
    box = Box(trust.http)
    assert (await box.ask(card.token)).status_code == 200
    listed = await run("list", str(file))
    assert f"{COMMUNE}/{NAME}: trusted until" in listed and f"{COMMUNE}/nha-van-hoa: token " in listed
    assert await run("revoke", str(file), f"{COMMUNE}/{NAME}") == f"revoked {COMMUNE}/{NAME}\n"
    await until(lambda: trust.part.enforcing.is_revoked(box.certificate().serial_number))
    assert _list_with(trust, box)
    assert "no certificate that is good" in await run("revoke", str(file), f"{COMMUNE}/{NAME}")
