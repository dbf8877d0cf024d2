"""The broker is away: every form that makes nodes do something says at once what becomes of it, and recovers."""

import asyncio
import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulletins_rig import COMMUNE, Someone, someone, tomorrow
from cap_rig import SENDER, AlertOf, InfoOf, PlacedNode
from hub_rig import Mosquitto, Running, config_for, serving, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from edge_agent.contract.capabilities import SpokenVoice
from edge_agent.contract.errors import Fault
from edge_agent.contract.signature import Verifier
from hub.language import catalogue, sentence
from hub.people.rights import Role
from hub.people.sessions import COOKIE

DOC = Path(__file__).parents[2] / "docs" / "hub-api-pages.md"
ADDRESS, NODE = "29401/tram-bom", "/nodes/29401/tram-bom"
CAMERA = f"{NODE}/cameras/cong"
WORDS = "Mời bà con đi tiêm phòng cho chó."
THERE = {"at:29401//thon-dong": "1"}
SPAN = {"day": "2026-11-22", "at": "05:00", "to": "05:01"}
ALARM = {"title": "Xả lũ", "text": "Hồ đang xả lũ.", "clear": "Đã hết xả lũ.", "minutes": "5", **THERE}
N = "/nodes/{commune}/{node}"
AT_ONCE: dict[str, tuple[str, dict[str, str]]] = {
    f"{N}/{{kind:kind}}/{{thing}}": (f"{NODE}/lights/cong-thon", {"do": "off"}),
    f"{N}/{{kind:kind}}/{{thing}}/release": (f"{NODE}/lights/cong-thon/release", {}),
    f"{N}/rules/{{thing}}": (f"{NODE}/rules/nong", {"armed": "1"}),
    f"{N}/speak": (f"{NODE}/speak", {"text": WORDS, "do": "speak"}),
    f"{N}/speakers/{{thing}}/stop": (f"{NODE}/speakers/loa/stop", {}),
    f"{N}/speakers/{{thing}}/volume": (f"{NODE}/speakers/loa/volume", {"volume": "40"}),
    f"{N}/emergencies/{{thing}}/acknowledge": (f"{NODE}/emergencies/{{alarm}}/acknowledge", {}),
    "/emergencies/{thing}/acknowledge": ("/emergencies/{alarm}/acknowledge", {}),
    f"{N}/order": (f"{NODE}/order", {"order": "b-1 b-2", "seq": "4"}),
    f"{N}/examine": (f"{NODE}/examine", {}),
    f"{N}/bulletins/{{thing}}/cancel": (f"{NODE}/bulletins/b-1/cancel", {}),
    "/communes/{commune}/switch": ("/communes/29401/switch", {"thing": "lights", "do": "off"}),
    "/lights/{commune}/{area}/switch": ("/lights/29401/thon-dong/switch", {"thing": "lights", "do": "off"}),
    "/lights/undo/{token}": ("{undo}", {}),
    "/air/speak": ("/air/speak", {"text": WORDS, "do": "send", **THERE}),
    "/air/stop": ("/air/stop", {"place": "29401//thon-dong"}),
    "/air/volume": ("/air/volume", {"place": "29401//thon-dong", "volume": "40"}),
    "/air/rounds/{id}/again": ("{round}/again", {}),
    f"{N}/cameras/{{camera}}/clips": (f"{CAMERA}/clips", SPAN),
    f"{N}/cameras/{{camera}}/keep": (f"{CAMERA}/keep", {**SPAN, "keep": "1"}),
}
"""Of use only now: nothing is done, and the page says so."""
LATER = {
    *("/air/emergency", "/air/emergency/{id}/again", "/air/emergency/{id}/clear", "/alerts/{alert}/air"),
    *("/bulletins/{id}/approve", "/bulletins/{id}/cancel"),
}
"""Kept, and brought to the nodes by itself afterwards; the page says that."""
LIKE_THESE = {
    *("/alerts/{alert}/accept", "/alerts/{alert}/clear", "/alerts/{alert}/dismiss", "/alerts/{alert}/end"),
    *("/alerts", "/api/alerts", "/bulletins/{id}/move", "/bulletins/{id}/plan"),
}
"""Written down by the same desk as one of `LATER`, and sent by the same task."""
SEND_NOTHING = re.compile(
    r"/(media|people|password|invite|first-run|me|sign-|notify|tokens|trust|write|xa|map|reports-of-residents)\b"
    r"|/air/emergency/check|/air/prepared|/bulletins/feed"
    r"|/bulletins/\{id\}/(again|submit|take_back|send_back)|.*/public$|.*/(forget|remember|revoke)$"
)


def test_every_form_is_thought_of() -> None:
    forms = set(re.findall(r"^\| `(?:POST|PUT|PATCH) ([^`]+)`", DOC.read_text(encoding="utf-8"), re.M))
    left = {form for form in forms if not SEND_NOTHING.match(form)}
    assert left == {*AT_ONCE, *LATER, *LIKE_THESE}


def words(answer: httpx.Response) -> str:
    """What a reader reads of a page, and what stands in its fields."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(text)))


def part_of(key: str) -> str:
    """The longest piece of a sentence that nothing is filled into."""
    return max(re.split(r"\{\w+\}", catalogue("vi")[key]), key=len).strip()


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    cap = {"senders": [{"id": SENDER, "name": "Đài khí tượng"}]}
    async with serving(config_for(tmp_path, broker.port, cap=cap)) as running:
        yield running


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "lan", Role.STAFF) as who:
        yield who


@pytest.fixture
async def approver(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "minh", Role.APPROVER) as who:
        yield who


def placed(hub: Running, broker: Mosquitto) -> PlacedNode:
    signer = hub.hub.signer
    return PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)


@contextlib.asynccontextmanager
async def speaking(hub: Running, language: str) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator's browser without JavaScript, in a language."""
    more: Any = {"cookies": {COOKIE: hub.secret, "lang": language}, "headers": {"Origin": hub.url}}
    async with httpx.AsyncClient(base_url=hub.url, timeout=15, follow_redirects=True, **more) as http:
        yield http


async def checked(http: httpx.AsyncClient) -> dict[str, str]:
    """The hidden fields of the page that says what an emergency will do."""
    answer = await http.post("/air/emergency/check", data=ALARM)
    form = answer.text.split('action="/air/emergency"', 1)[1].split("</form>", 1)[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found} | {"sure": "1"}


async def furnished(hub: Running, node: PlacedNode) -> None:
    """It has all kinds of things, and knows what newer nodes know."""
    await node.furnish(rows=1)
    voices = (SpokenVoice(id="nu", name="Giọng nữ", engine="espeak-ng"),)
    await node.say(node.topics.about, node.about().model_copy(update={"speaks": voices}).body())
    known = hub.hub.registry.nodes
    await until(lambda: ADDRESS in known and not known[ADDRESS].is_older and ("rule", "nong") in known[ADDRESS].states)


async def refuse(node: Any, asked: Any) -> None:
    await node.ack(asked, "failed", fault=Fault.of("command.busy"))


async def mic(hub: Running) -> str:
    """What a page is told that begins to speak."""
    headers = {"Cookie": f"{COOKIE}={hub.secret}"}
    url = hub.url.replace("http", "ws") + "/air/mic/live"
    start = {"say": "start", "places": ["29401//thon-dong"], "format": "opus", "rate": 48000, "seconds": 60}
    told: list[dict[str, Any]] = []
    async with connect(url, origin=hub.url, additional_headers=headers) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps(start))
        with contextlib.suppress(ConnectionClosed):
            while True:
                told.append(json.loads(await socket.recv()))
    return " ".join(message.get("text", "") for message in told)


async def test_whatever_is_tapped_is_answered_nothing_is_lost_and_all_goes_on(
    hub: Running, broker: Mosquitto, staff: Someone, approver: Someone
) -> None:
    async with speaking(hub, "vi") as vi, speaking(hub, "en") as en:
        node, back = placed(hub, broker), placed(hub, broker)
        async with node:
            await furnished(hub, node)
            await until(hub.hub.alerts.desk.spots)
            mild = AlertOf(infos=(InfoOf(severity="Moderate", headline="Mưa lớn"),))
            alert = (await vi.post("/alerts", files={"file": ("a.xml", mild.xml(), "application/xml")})).url.path
            draft, standing = await staff.draft(), await staff.draft()
            for each, hour in ((draft, 17), (standing, 18)):
                await staff.planned(each, tomorrow(hour), COMMUNE)
                await staff.sounds(each)
            await approver.act(standing, "approve")
            await until(lambda: node.told("bulletin.plan"))
            node.replies["speaker.volume"] = refuse
            made = (await vi.post("/air/volume", data={"place": "29401//thon-dong", "volume": "50"})).url.path
            await until(lambda: node.told("speaker.volume"))
            lit = await hub.http.post(f"{NODE}/lights/cong-thon", data={"do": "on"}, headers={"HX-Request": "true"})
            undo = re.search(r'action="(/lights/undo/[^"]+)"', lit.text)
            first = (await vi.post("/air/emergency", data=await checked(vi))).url.path
            speaker = ("speaker", "loa")
            await until(lambda: getattr(hub.hub.registry.nodes[ADDRESS].states[speaker], "emergencies", ()))
            second = await checked(vi)
            broker.stop()
            await until(lambda: not hub.hub.link.connected)
            before = len(node.commands)
        assert undo is not None
        names = {"alarm": first.rpartition("/")[2], "undo": undo[1], "round": made}
        for form, (path, fields) in AT_ONCE.items():
            for language, http in (("vi", vi), ("en", en)):
                answer = await http.post(path.format(**names), data=fields)
                assert answer.status_code < 500, form
                said = words(answer)
                assert sentence(language, "outcome.unsent") in said, f"{form}: {said}"  # type: ignore[arg-type]
                if "text" in fields:
                    assert WORDS in re.findall(r"<textarea[^>]*>\s*(.*?)\s*</textarea>", html.unescape(answer.text))
        assert sentence("vi", "mic.ended_unsent") in await mic(hub)
        later = await vi.post("/air/emergency", data=second)
        assert sentence("vi", "emergency.node_kept") in words(later)
        assert part_of("emergency.cut_off") in words(later)
        again = words(await vi.post(f"{later.url.path}/again"))
        assert sentence("vi", "emergency.asked_again_later", count=1) in again
        assert sentence("vi", "emergency.clearing_later") in words(await vi.post(f"{first}/clear"))
        assert sentence("vi", "emergency.cut_off_clear") in words(await vi.get(first))
        part = (await vi.get(alert)).text
        part = part[part.index('<form method="post" action="/alerts/') :]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', part[: part.index("</form>")]))
        text = re.search(r"<textarea[^>]*>(.*?)</textarea>", part, re.S)
        assert text is not None
        assert (await vi.post(f"{alert}/air", data={**hidden, "text": html.unescape(text[1])})).status_code == 200
        await until_says(vi, alert, sentence("vi", "cap.sent_unsent"))
        assert part_of("bulletins.done_approve_later") in await approver.act(draft, "approve")
        assert part_of("bulletins.done_cancel_later") in await staff.act(standing, "cancel")
        await until_says(vi, f"/bulletins/{draft.id}", "sẽ tự gửi khi trung tâm có liên lạc lại")
        assert len(node.commands) == before
        broker.start()
        async with back:
            await furnished(hub, back)
            wanted = {draft.id, later.url.path.rpartition("/")[2], alert.rpartition("/")[2]}
            await until(lambda: wanted <= {args.bulletin.id for args in back.told("bulletin.plan")}, 40)
            ended = {standing.id, first.rpartition("/")[2]}
            await until(lambda: ended <= {args.bulletin for args in back.told("bulletin.cancel")}, 40)
            late = {asked.do for asked in back.commands} - {"bulletin.plan", "bulletin.cancel", "outbox.resend"}
            assert late == set(), "what was of use only then is not done later"
            assert sentence("vi", "lights.undone") in words(await vi.post(undo[1]))
            assert sentence("vi", "outcome.unsent") not in words(await vi.get(first))


async def until_says(http: httpx.AsyncClient, path: str, wanted: str) -> None:
    """Wait until a page says this."""
    for _ in range(200):
        if wanted in (text := words(await http.get(path))):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path} never says {wanted}: {text}")
