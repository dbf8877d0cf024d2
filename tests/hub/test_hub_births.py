"""Birth records at the hub: kept if they are genuine, shown, drawn on paper, given to programs; forged ones refused."""

import base64
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hub_rig import FakeNode, Running, event, until
from PIL import Image
from playwright.async_api import async_playwright, expect
from pypdf import PdfReader
from sqlalchemy.engine import Connection

from edge_agent.contract.birth import BirthRecord, SignedBirth, Stage, Step
from edge_agent.contract.detached import sign_detached
from edge_agent.contract.ids import uuid7
from edge_agent.contract.reports import Position
from hub.births import rows
from hub.enrolment.requests import key_hash
from hub.enrolment.tables import certificates

ADDRESS = "29401/tram-bom"
PATH = f"/nodes/{ADDRESS}/birth"
AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


class Key:
    """A node's own, as its certificate names it."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tram-bom")])
        made = x509.CertificateBuilder(name, name, self.private.public_key(), x509.random_serial_number())
        made = made.not_valid_before(AT).not_valid_after(AT + timedelta(days=90))
        self.certificate = made.sign(self.private, SHA256()).public_bytes(Encoding.PEM).decode()

    def signed(self, record: BirthRecord) -> SignedBirth:
        text = record.model_dump_json(exclude_none=True)
        jws = sign_detached(text.encode(), lambda data: self.private.sign(data, ec.ECDSA(SHA256())))
        return SignedBirth(record=text, jws=jws, certificate=self.certificate)

    def certified(self, connection: Connection, revoked: str = "") -> None:
        """As if this hub had given the certificate."""
        row = {
            "serial": uuid7(),
            "commune": "29401",
            "name": "tram-bom",
            "pem": self.certificate,
            "made": "",
            "ends": "",
        }
        hashed = key_hash(self.private.public_key())
        connection.execute(certificates.insert().values(**row, key_hash=hashed, revoked=revoked))


def picture() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (160, 90), (20, 90, 60)).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


def stage(act: Any, vi: str, seen: bool | None, good: bool | None = True) -> Stage:
    return Stage(act=act, at=AT, good=good, seen=seen, vi=vi, en=vi)


def record(installer: str = "Nguyễn Văn Lắp", **more: Any) -> BirthRecord:
    steps = (
        Step(kind="place", result="ok"),
        Step(
            kind="light", id="cong", name="Đèn <b>cổng</b>", result="ok", stages=(stage("on", "Đã bật (400 W).", True),)
        ),
        Step(kind="speaker", id="loa", result="faulty", stages=(stage("play", "Không nghe thấy.", False, False),)),
        Step(
            kind="camera",
            id="cam",
            name="Cổng",
            result="ok",
            stages=(stage("picture", "Hình.", True),),
            picture=picture(),
        ),
        Step(kind="link", result="skipped", reason="chưa có sim"),
        Step(kind="clock", result="skipped", tries=0),
    )
    whole: dict[str, Any] = {
        "id": uuid7(),
        "commune": "29401",
        "node": "tram-bom",
        "title": "Trạm bơm Đông",
        "installer": installer,
        "position": Position(latitude=20.9, longitude=105.8),
        "position_by": "phone",
        "began": AT,
        "ended": AT + timedelta(minutes=5),
        "version": "0.1.0",
        "steps": steps,
        **more,
    }
    return BirthRecord(**whole)


async def test_a_signed_record_is_kept_shown_printed_and_given_to_programs(hub: Running, node: FakeNode) -> None:
    key, other = Key(), Key()
    await hub.hub.store.call(key.certified)
    assert "chưa có biên bản" in (await hub.http.get(PATH)).text
    assert (await hub.http.get(f"/api/v1{PATH}")).status_code == 404
    good = key.signed(record())
    altered = good.model_copy(update={"record": good.record.replace("Nguyễn Văn Lắp", "Kẻ Giả Mạo")})
    await node.send(event(1, "installed", **good.model_dump(exclude_none=True)))
    for seq, forged in enumerate((altered, other.signed(record("Người Lạ"))), 2):
        await node.send(event(seq, "installed", **forged.model_dump(exclude_none=True)))
    await until(lambda: (account := hub.hub.ledger.accounts.get(ADDRESS)) and account.progress.through == 3)

    text = (await hub.http.get(PATH)).text
    assert "Nguyễn Văn Lắp" in text and "Kẻ Giả Mạo" not in text and "Người Lạ" not in text
    assert "khoá ký không phải của nút này" in text and "trung tâm đã kiểm tra" in text
    assert "Đèn &lt;b&gt;cổng" in text and "chưa có sim" in text and "Chưa làm" in text
    shot = await hub.http.get(f"{PATH}/3.jpg")
    assert Image.open(io.BytesIO(shot.content)).size == (160, 90)
    assert (
        (await hub.http.get(f"{PATH}/1.jpg")).status_code == (await hub.http.get(f"{PATH}/99.jpg")).status_code == 404
    )
    told = (await hub.http.get(f"/api/v1{PATH}")).json()
    assert (told["verdict"], told["record"]["installer"]) == ("signed", "Nguyễn Văn Lắp")
    assert told["signed"]["record"] == good.record
    pdf = PdfReader(io.BytesIO((await hub.http.get(f"{PATH}.pdf")).content))
    words = " ".join(page.extract_text() for page in pdf.pages)
    assert "Nguyễn Văn Lắp" in words and "Người nhận bàn giao" in words and len(pdf.pages[0].images) == 1
    assert not hub.hub.ledger.accounts[ADDRESS].events[0].data  # the pictures lie in the database alone
    await _looks_right(hub)


async def _looks_right(hub: Running) -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = await chromium.new_context(viewport={"width": 360, "height": 640}, locale="vi-VN")
        await context.add_cookies([hub.cookie])
        page = await context.new_page()
        await page.goto(f"{hub.url}/nodes/{ADDRESS}")
        await page.get_by_role("link", name="Biên bản lắp đặt").click()
        await expect(page.locator("h2")).to_have_text("Biên bản lắp đặt")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        shown = "image => image.decode().then(() => image.naturalWidth)"
        assert await page.locator("img.snapshot").evaluate(shown) == 160
        await page.screenshot(path=str(hub.config.data / "birth.png"), full_page=True)
        await chromium.close()


@pytest.mark.parametrize(
    ("made", "why", "verdict"),
    [
        (lambda key: SignedBirth(record=record().model_dump_json()), None, "unsigned"),
        (lambda key: key.signed(record()), None, "signed"),
        (lambda key: Key().signed(record()), "stranger", None),
        (lambda key: key.signed(record()).model_copy(update={"jws": None}), "altered", None),
        (lambda key: key.signed(record(node="khac")), "another", None),
        (lambda key: SignedBirth(record="{}"), "unreadable", None),
    ],
)
async def test_each_record_is_judged(hub: Running, made: Any, why: str | None, verdict: str | None) -> None:
    key = Key()

    def work(connection: Connection) -> tuple[str | None, Any, Any]:
        key.certified(connection)
        refused = rows.save(connection, ADDRESS, AT, made(key).model_dump(exclude_none=True))
        return refused, rows.latest(connection, ADDRESS), rows.turned(connection, ADDRESS)

    refused, birth, turned = await hub.hub.store.call(work)
    assert refused == why and (birth.verdict if birth else None) == verdict
    assert (turned.why if turned else None) == why


async def test_a_signed_record_stays_before_unsigned_ones_and_forgeries_push_nothing_out(hub: Running) -> None:
    key, later = Key(), AT + timedelta(days=1)

    def work(connection: Connection) -> tuple[Any, int]:
        rows.save(connection, ADDRESS, AT, key.signed(record("Trước")).model_dump(exclude_none=True))
        assert rows.latest(connection, ADDRESS).verdict == "unknown_key"  # type: ignore[union-attr]
        key.certified(connection)
        rows.save(connection, ADDRESS, AT, key.signed(record("Đúng")).model_dump(exclude_none=True))
        for number in range(30):
            unsigned = SignedBirth(record=record(f"Sai {number}", ended=later).model_dump_json())
            rows.save(connection, ADDRESS, later, unsigned.model_dump(exclude_none=True))
            rows.save(connection, ADDRESS, later, Key().signed(record("Giả")).model_dump(exclude_none=True))
        return rows.latest(connection, ADDRESS), len(connection.execute(rows.births.select()).fetchall())

    birth, count = await hub.hub.store.call(work)
    assert (birth.record.installer, birth.verdict, count) == ("Đúng", "signed", rows.MOST)


async def test_an_old_record_that_comes_again_stays_old(hub: Running) -> None:
    key = Key()

    def work(connection: Connection) -> str:
        old, new = key.signed(record("Cũ")), key.signed(record("Mới", ended=datetime(1970, 1, 1, tzinfo=UTC)))
        for hours, signed in enumerate((old, new, old)):
            rows.save(connection, ADDRESS, AT + timedelta(hours=hours), signed.model_dump(exclude_none=True))
        return rows.latest(connection, ADDRESS).record.installer  # type: ignore[union-attr]

    assert await hub.hub.store.call(work) == "Mới"


async def test_a_key_that_was_revoked_signs_nothing(hub: Running) -> None:
    key = Key()

    def work(connection: Connection) -> str | None:
        key.certified(connection, revoked="2026-11-23T00:00:00.000+00:00")
        return rows.save(connection, ADDRESS, AT, key.signed(record()).model_dump(exclude_none=True))

    assert await hub.hub.store.call(work) == "stranger"
