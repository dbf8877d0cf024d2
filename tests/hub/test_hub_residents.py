"""The page of residents: what everybody reads, what is reported by it, and that nothing else gets out or in."""

import io
import os
import re
import zlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulletins_rig import EAST, Cluster, cluster, known, someone, tomorrow, words
from hub_rig import Mosquitto, Running, config_for, event, now, serving, until
from PIL import Image
from PIL.Image import Exif

from hub.people.rights import Role
from hub.residents.places import code_of
from hub.residents.reports import Report, State


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    """A commune that opened its page."""
    async with serving(config_for(tmp_path, broker.port, residents={"public": True})) as running:
        yield running


@pytest.fixture
async def pole(hub: Running, broker: Mosquitto) -> AsyncIterator[Cluster]:
    made = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    async with made:
        await known(hub, made)
        yield made


@pytest.fixture
async def resident(hub: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A phone without an account."""
    headers = {"Origin": hub.url}
    async with httpx.AsyncClient(base_url=hub.url, headers=headers, timeout=30, follow_redirects=True) as http:
        yield http


def form(**more: str) -> dict[str, str]:
    return {"kind": "lamp", "words": "Đèn trước cổng chùa tắt từ hôm qua", "where": "", "phone": "", **more}


def jpeg(width: int = 3000, height: int = 1500, *, secret: str = "") -> bytes:
    """A photo that says where it was taken."""
    exif = Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = secret
    exif.get_ifd(0x8825)[29] = "2026:11:23"
    out = io.BytesIO()
    Image.new("RGB", (width, height), (180, 60, 20)).save(out, "JPEG", exif=exif)
    return out.getvalue()


async def all_reports(hub: Running) -> list[Report]:
    return await hub.hub.residents.reports.in_states(list(State))


def number_in(answer: httpx.Response) -> str:
    found = re.search(r"/xa/reports/(\d{4}-\d{4})", str(answer.url))
    assert found, answer.text
    return found[1]


async def test_closed_unless_the_commune_opens_it(broker: Mosquitto, tmp_path: Path) -> None:
    async with (
        serving(config_for(tmp_path, broker.port)) as hub,
        httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Origin": hub.url}) as resident,
    ):
        for path in ("/xa", "/xa/report", "/xa/cameras", "/xa/reports/1234-5678"):
            assert (await resident.get(path)).status_code == 404
        assert (await resident.post("/xa/report", data=form())).status_code == 404
        assert await all_reports(hub) == []


async def test_what_was_approved_and_aired_is_read_and_heard(
    hub: Running, pole: Cluster, resident: httpx.AsyncClient
) -> None:
    async with someone(hub, "lan", Role.STAFF) as staff, someone(hub, "minh", Role.APPROVER) as approver:
        await staff.draft("Bản nháp còn giấu")
        draft = await staff.draft()
        await staff.planned(draft, tomorrow(17), EAST)
        ready = await staff.sounds(draft)
        await approver.act(draft, "approve")
    await until(lambda: pole.plans)
    sound = pole.plans[0].versions[0].segments[0].rendered.sha256
    page = words(await resident.get("/xa"))
    assert "chưa có thông báo nào" in page and "Mời bà con đi họp" not in page
    assert (await resident.get(f"/media/{sound}")).status_code == 401, "nobody hears it before it was on air"
    aired: dict[str, Any] = {
        "id": ready.id,
        "speaker": "loa",
        "title": "Họp thôn",
        "class": "ordinary",
        "authority": "commune",
    }
    aired |= {"state": "aired", "started_us": round(now().timestamp() * 1e6), "seconds": 12}
    await pole.send(event(1, "aired", "speaker/loa", **aired))
    text = await shown(hub, resident, "Mời bà con đi họp.")
    assert "Thôn Đông" in words(text)
    assert "Bản nháp" not in text.text and "minh" not in words(text) and "cum-dong" not in text.text
    listened = await resident.get(re.search(r'src="(/media/[0-9a-f]{64})"', text.text)[1])  # type: ignore[index]
    assert listened.status_code == 200 and listened.headers["content-type"].startswith("audio/")


async def shown(hub: Running, resident: httpx.AsyncClient, wanted: str) -> httpx.Response:
    """The page, once it says this; it is made anew every few seconds."""
    board = hub.hub.residents.announcements  # to look at once: what the page waits for are seconds
    found: list[httpx.Response] = []
    for _ in range(100):
        board._made = float("-inf")
        found.append(await resident.get("/xa"))
        if wanted in found[-1].text:
            break
    assert wanted in found[-1].text
    return found[-1]


async def test_a_report_comes_with_its_photo_and_is_followed_by_its_number(
    hub: Running, pole: Cluster, resident: httpx.AsyncClient
) -> None:
    code = code_of("29401/cum-dong")
    asked = await resident.get("/xa/report", params={"p": code})
    assert f'value="{code}" selected>Cụm Đông' in asked.text
    photo = {"photo": ("anh.jpg", jpeg(secret="NHA-ONG-BA"), "image/jpeg")}
    sent = await resident.post("/xa/report", data=form(where=code, phone="0912 345 678"), files=photo)
    number = number_in(sent)
    assert "Đã nhận" in sent.text and number in sent.text
    assert "0912" not in sent.text and "chùa" not in sent.text, "who finds a number learns nothing private"
    [kept] = await all_reports(hub)
    assert (kept.place, kept.thing, kept.phone) == ("29401/cum-dong", "29401/cum-dong", "0912345678")
    file = hub.config.data / "residents" / kept.photo
    raw = file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert b"NHA-ONG-BA" not in raw and b"2026:11:23" not in raw
    with Image.open(io.BytesIO(raw)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 1280)), "upright, and small"
        assert not picture.getexif()
    again = await resident.get("/xa/reports", params={"number": number.replace("-", " ")})
    assert number in again.text and again.status_code == 200


def bomb() -> bytes:
    """A PNG of 40,000 x 40,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = (40_000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "không phải ảnh"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + b"no picture at all" * 50, "không phải ảnh"),
        ("a.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "không phải ảnh"),
        ("a.png", bomb(), "quá nhiều điểm ảnh"),
        ("a.jpg", b"\xff\xd8\xff" + bytes(12 * 1024 * 1024 + 1), "lớn quá 12 MB"),
    ],
    ids=["svg", "noise", "gif", "bomb", "huge"],
)
async def test_files_that_are_no_photos_are_refused_and_the_words_stay(
    hub: Running, resident: httpx.AsyncClient, name: str, data: bytes, said: str
) -> None:
    answer = await resident.post("/xa/report", data=form(), files={"photo": (name, data, "image/jpeg")})
    assert answer.status_code == 422 and said in words(answer)
    assert "Đèn trước cổng chùa" in answer.text and 'value="lamp" required checked' in answer.text
    assert await all_reports(hub) == []
    assert not list((hub.config.data / "residents").glob("*"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "bomb"}, "chọn việc gì"),
        ({"words": "  x "}, "viết vài lời"),
        ({"words": "x" * 1001}, "1000"),
        ({"phone": "<script>"}, "8 đến 15 chữ số"),
        ({"where": "zzzzzzzz"}, "không còn nữa"),
    ],
)
async def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    hub: Running, resident: httpx.AsyncClient, wrong: dict[str, str], said: str
) -> None:
    answer = await resident.post("/xa/report", data=form(**wrong))
    assert answer.status_code == 422 and said in words(answer)
    if "words" not in wrong:
        assert "Đèn trước cổng chùa" in answer.text
    assert "<script>" not in answer.text
    assert await all_reports(hub) == []


async def test_html_in_words_stays_text(hub: Running, resident: httpx.AsyncClient) -> None:
    answer = await resident.post("/xa/report", data=form(words="<img src=x onerror=alert(1)>", phone="1"))
    assert "&lt;img src=x" in answer.text and "<img src=x" not in answer.text


async def test_another_sites_page_cannot_report(hub: Running, resident: httpx.AsyncClient) -> None:
    for headers in ({"Origin": "https://xau.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await resident.post("/xa/report", data=form(), headers=headers)).status_code == 403
    assert await all_reports(hub) == []


async def test_one_address_and_all_together_send_only_so_many(broker: Mosquitto, tmp_path: Path) -> None:
    settings = {"public": True, "reports_per_day": 7}
    async with serving(config_for(tmp_path, broker.port, residents=settings, listen={"port": 0})) as hub:
        async with httpx.AsyncClient(base_url=hub.url, headers={"Origin": hub.url}, timeout=30) as resident:
            codes = [(await resident.post("/xa/report", data=form())).status_code for _ in range(5)]
            assert codes == [303] * 5
            sixth = await resident.post("/xa/report", data=form())
            assert sixth.status_code == 429 and "Đèn trước cổng chùa" in sixth.text
            for _ in range(2):
                await hub.hub.residents.reports.add((await all_reports(hub))[0])
        local = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(base_url=hub.url, transport=local, headers={"Origin": hub.url}) as other:
            full = await other.post("/xa/report", data=form())
            assert full.status_code == 429 and "quá nhiều phản ánh" in words(full)
        assert len(await all_reports(hub)) == 7


async def test_who_tries_numbers_has_to_wait(hub: Running, resident: httpx.AsyncClient) -> None:
    number = number_in(await resident.post("/xa/report", data=form()))
    tried = [(await resident.get(f"/xa/reports/0000-{n:04}")).status_code for n in range(31)]
    assert set(tried[:30]) <= {404, 200} and tried[30] == 429
    assert (await resident.get(f"/xa/reports/{number}")).status_code == 429


async def test_what_is_private_goes_after_its_time(hub: Running, resident: httpx.AsyncClient) -> None:
    photo = {"photo": ("anh.jpg", jpeg(200, 100), "image/jpeg")}
    await resident.post("/xa/report", data=form(phone="0912345678"), files=photo)
    part = hub.hub.residents
    [kept] = await all_reports(hub)
    file = hub.config.data / "residents" / kept.photo
    await part.clean(timedelta(days=90), timedelta(days=730))
    assert file.exists() and (await all_reports(hub))[0].phone
    long_ago = datetime.fromtimestamp(file.stat().st_mtime) - timedelta(hours=2)
    os.utime(file, (long_ago.timestamp(),) * 2)
    await part.clean(timedelta(), timedelta(days=730))
    [left] = await all_reports(hub)
    assert (left.phone, left.photo, left.words) == ("", "", kept.words)
    assert not file.exists()
    await part.clean(timedelta(), timedelta())
    assert await all_reports(hub) == []


async def test_the_page_is_small_and_waits_for_no_script(
    hub: Running, pole: Cluster, resident: httpx.AsyncClient
) -> None:
    total = 0
    for path in ("/xa", "/xa/report"):
        page = await resident.get(path)
        scripts = set(re.findall(r'<script[^>]* src="(/static/[^"?]+)', page.text))
        assert scripts <= {"/static/taps.js", "/static/file_field.js"}, "they say that it sends, and which photo"
        files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text))
        total = sum([int((await resident.get(f)).num_bytes_downloaded) for f in files])
        assert total + page.num_bytes_downloaded < 60_000
