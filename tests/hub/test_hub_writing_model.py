"""A draft by a language model: asked for, marked, checked against the notice, never aired unread."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from documents_rig import NOTICE
from hub_rig import Mosquitto, Running, config_for, serving
from writing_rig import fields_in, fields_of

from hub.writing.proposer import strange

Reply = Callable[[], tuple[int, bytes]]
GOOD = "Kính thưa bà con! Điện sẽ ngừng từ 7h30 đến 11h30 ngày 08/6/2026 tại thôn Đông, thôn Đoài."


def said(text: object) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


class Service:
    """An OpenAI-compatible service that answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.reply: Reply = lambda: (200, said(GOOD))
        self.headers: dict[str, str] = {}
        self.port = 0


@contextmanager
def service() -> Iterator[Service]:
    made = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.asked.append((self.path, dict(self.headers), json.loads(body)))
            status, answer = made.reply()
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@asynccontextmanager
async def hub_with(broker: Mosquitto, folder: Path, port: int, **more: Any) -> AsyncIterator[tuple[Running, str]]:
    """A hub that may ask the service, and a draft of a notice."""
    (folder / "drafting.key").write_text("the-key\n")
    key = {"file": "drafting.key"}
    drafting = {"url": f"http://127.0.0.1:{port}/v1", "model": "loa", "key": key, "timeout_s": 3, **more}
    async with serving(config_for(folder, broker.port, drafting=drafting)) as hub:
        files = {"document": ("thong-bao.txt", "\n".join(NOTICE).encode())}
        answer = await hub.http.post("/write", data={"do": "document"}, files=files)
        yield hub, str(answer.headers["location"])


async def proposed(hub: Running, address: str, status: int = 200) -> str:
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, "do": "propose"}, follow_redirects=True)
    assert answer.status_code == status
    return answer.text


async def test_proposal_is_marked_and_goes_on_only_when_somebody_says_they_read_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with service() as model:
        async with hub_with(broker, tmp_path, model.port) as (hub, address):
            page = await proposed(hub, address)
            fields = fields_in(page)
            assert fields["s2.text"] == GOOD
            assert "Bản nháp do máy viết, phải đọc lại" in page
            assert "Không có trong văn bản gốc" not in page
            refused = await hub.http.post(address, data={**fields, "do": "plan"}, follow_redirects=True)
            assert "Phần này do máy viết nháp" in refused.text
            assert hub.hub.bulletins.desk.open == {}
            # a form that says it was not proposed is not believed
            forged = {**fields_in(refused.text), "s2.proposed": "0", "do": "plan"}
            assert "check=1" in (await hub.http.post(address, data=forged)).headers["location"]
            done = await hub.http.post(address, data={**fields, "s2.read": "1", "do": "plan"})
            assert done.headers["location"].startswith("/bulletins/")
        path, headers, body = model.asked[0]
        assert (path, headers["Authorization"], body["model"]) == ("/v1/chat/completions", "Bearer the-key", "loa")
        assert "từ 7h30 đến 11h30" in body["messages"][1]["content"]


async def test_numbers_and_names_that_the_notice_has_not_are_pointed_out(broker: Mosquitto, tmp_path: Path) -> None:
    with service() as model:
        model.reply = lambda: (200, said("Mời bà con thôn Tây, lúc 9 giờ. Gọi ông Trần Văn Lạ."))
        async with hub_with(broker, tmp_path, model.port) as (hub, address):
            marked = (await proposed(hub, address)).split("Không có trong văn bản gốc")[1].split("</p>")[0]
            assert {"Tây", "9", "Trần Văn Lạ"} <= {part.split("<")[0] for part in marked.split('class="asked">')[1:]}


def test_words_of_the_source_are_not_strange_and_others_are() -> None:
    source = "UBND XÃ TÂN HỘI mời bà con thôn Đông họp ngày 08/6/2026, gặp ông Nguyễn Văn Bình."
    assert strange("Mời bà con xã Tân Hội gặp ông Nguyễn Văn Bình ngày 08/6/2026.", source) == ()
    assert strange("Mời bà con thôn Đông họp ngày 09/6/2026 gặp ông Nguyễn Văn Minh.", source) == (
        "09",
        "Nguyễn Văn Minh",
    )


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"", "mã 500"),
        (401, b"{}", "mã 401"),
        (307, b"", "mã 307"),
        (200, b"<html>", "không dùng được"),
        (200, said(""), "không dùng được"),
        (200, said({"a": 1}), "không dùng được"),
        (200, b"x" * 400_000, "không dùng được"),
    ],
)
async def test_service_that_gives_nothing_leaves_the_draft_by_rules(
    broker: Mosquitto, tmp_path: Path, status: int, body: bytes, words: str
) -> None:
    with service() as model, service() as other:
        model.reply = lambda: (status, body)
        model.headers = {"Location": f"http://127.0.0.1:{other.port}/v1/chat/completions"}
        async with hub_with(broker, tmp_path, model.port) as (hub, address):
            page = await proposed(hub, address, 422)
            assert words in page
            assert "từ 7h30 đến 11h30 ngày 08/6/2026" in fields_in(page)["s1.text"]
        assert other.asked == []


async def test_service_that_is_away_or_slow_is_said_so(broker: Mosquitto, tmp_path: Path) -> None:
    with service() as model:
        hold = threading.Event()
        model.reply = lambda: (200 if hold.wait(20) else 500, b"")
        async with hub_with(broker, tmp_path, model.port, timeout_s=1) as (hub, address):
            assert "trả lời quá chậm" in await proposed(hub, address, 422)
            hold.set()
    async with hub_with(broker, tmp_path, model.port) as (hub, address):
        assert "Không nối được" in await proposed(hub, address, 422)


async def test_long_notice_is_not_sent(broker: Mosquitto, tmp_path: Path) -> None:
    with service() as model:
        async with hub_with(broker, tmp_path, model.port, max_chars=500) as (hub, address):
            assert "dài quá 500" in await proposed(hub, address, 422)
        assert model.asked == []


async def test_without_a_service_nothing_is_offered_or_asked(hub: Running) -> None:
    files = {"document": ("thong-bao.txt", "\n".join(NOTICE).encode())}
    answer = await hub.http.post("/write", data={"do": "document"}, files=files, follow_redirects=True)
    assert 'value="propose"' not in answer.text
    assert "chưa cài đặt" in await proposed(hub, answer.url.path, 422)
