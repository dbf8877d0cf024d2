"""Posters: A4 sheets whose QR code leads to the page of residents and says which pole."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from bulletins_rig import EAST, WEST, Cluster, cluster, known, someone
from hub_rig import Mosquitto, Running, config_for, serving
from pypdf import PdfReader

from hub.people.rights import Role
from hub.residents.notices import Line
from hub.residents.places import code_of
from hub.residents.poster import Job, Page, _code

PDF = "/reports-of-residents/posters/sheet.pdf"


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    settings = {"residents": {"public": True}, "address": "https://xa.example"}
    async with serving(config_for(tmp_path, broker.port, **settings)) as running:
        yield running


@pytest.fixture
async def pole(hub: Running, broker: Mosquitto) -> AsyncIterator[Cluster]:
    east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with east, west:
        await known(hub, east, west)
        yield east


def texts(answer: httpx.Response) -> list[str]:
    """What stands on each page."""
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert {(round(p.mediabox.width), round(p.mediabox.height)) for p in pages} == {(595, 842)}
    return [" ".join(p.extract_text().split()) for p in pages]


async def test_the_poster_of_the_commune(hub: Running, pole: Cluster) -> None:
    await hub.hub.residents.notices.call((Line("Công an xã", "0351 234 567"),))
    async with someone(hub, "lan", Role.STAFF) as staff:
        [text] = texts(await staff.http.get(PDF))
    for wanted in ("XÃ TÂN HỘI", "Quét để nghe lại thông báo", "báo hỏng loa, đèn", "Công an xã: 0351 234 567"):
        assert wanted in text
    assert "https://xa.example/xa" in text and "In ngày" in text


async def test_the_poster_of_a_pole_leads_to_a_report_that_knows_the_pole(hub: Running, pole: Cluster) -> None:
    code = code_of("29401/cum-dong")
    async with someone(hub, "lan", Role.STAFF) as staff:
        [text] = texts(await staff.http.get(PDF, params={"at": code}))
        assert "Cụm Đông" in text and f"https://xa.example/xa?p={code}" in text and "cum-dong" not in text
        [area] = texts(await staff.http.get(PDF, params={"at": code_of(EAST)}))
        assert "Thôn Đông" in area
        [of_poles] = texts(await staff.http.get(PDF, params={"at": code_of(EAST), "poles": "1"}))
        assert of_poles == text
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as resident:
        page = await resident.get("/xa", params={"p": code})
        assert "Bà con đang ở: Cụm Đông" in page.text and f'href="/xa/report?p={code}"' in page.text


async def test_posters_only_of_ones_own_places(hub: Running, pole: Cluster) -> None:
    async with someone(hub, "dong", Role.STAFF, EAST) as east:
        page = await east.http.get("/reports-of-residents/posters")
        assert "Cụm Đông" in page.text and "Cụm Tây" not in page.text
        for code in (code_of(WEST), code_of("29401/cum-tay"), "zzzzzzzz", "<b>"):
            assert (await east.http.get(PDF, params={"at": code})).status_code == 404


class Paper:
    """Draws what the poster draws, in pixels."""

    def __init__(self) -> None:
        self.pixels = np.full((1400, 1400), 255, np.uint8)

    def setFillGray(self, _: float) -> None:
        return

    def rect(self, x: float, y: float, width: float, height: float, **_: int) -> None:
        top, bottom = (round((300 - edge) * 4) + 100 for edge in (y + height, y))
        self.pixels[top:bottom, round(x * 4) + 100 : round((x + width) * 4) + 100] = 0


def test_a_phone_reads_the_code() -> None:
    link, paper = "https://xa-mot-cai-ten-rat-dai.tinh.example/xa?p=abcdefgh", Paper()
    _code(paper, link, 0, 0)
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(paper.pixels)
    assert read == link


def test_a_job_comes_through_as_it_was() -> None:
    job = Job("Xã", ("a", "b"), "c", (("d", "1"),), "e", (Page("f", "g"),))
    assert Job.read(job.order()) == job
