"""The one-stop office files a bulletin: a draft, or handed in; on air it goes only by people."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Running

V1 = "/api/v1"
TEXT = {"title": "Lịch tiêm chủng", "text": "Sáng thứ bảy, trạm y tế tiêm chủng cho trẻ em."}
PLACES = ["29401/tram-bom"]


def later() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture
async def office(hub: Running, node: FakeNode) -> Any:
    asked = {"name": "Một cửa", "rights": ["see", "write"], "places": ["29401"]}
    secret = (await hub.http.post(f"{V1}/tokens", json=asked)).json()["secret"]
    async with httpx.AsyncClient(
        base_url=f"{hub.url}{V1}", timeout=30, headers={"Authorization": f"Bearer {secret}"}
    ) as http:
        yield http


async def test_a_draft_is_kept_for_staff(office: httpx.AsyncClient, hub: Running) -> None:
    made = await office.post("/bulletins", json=TEXT)
    assert made.status_code == 201, made.text
    draft = made.json()
    assert (draft["state"], draft["number"], draft["title"]) == ("draft", 1, "Lịch tiêm chủng")
    assert draft["content"]["versions"][0]["segments"][0]["text"] == TEXT["text"]
    assert [b["id"] for b in (await office.get("/bulletins")).json()] == [draft["id"]]
    assert (await office.get(f"/bulletins/{draft['id']}")).json()["id"] == draft["id"]


async def test_handed_in_it_waits_for_a_person(office: httpx.AsyncClient, hub: Running, node: FakeNode) -> None:
    made = await office.post("/bulletins", json={**TEXT, "places": PLACES, "at": later(), "submit": True})
    assert made.status_code == 201, made.text
    bulletin = made.json()
    assert (bulletin["state"], bulletin["places"]) == ("submitted", PLACES)
    kept = await hub.hub.bulletins.desk.get(bulletin["id"])
    assert kept is not None and kept.released is None
    assert kept.history[-1].name == "Một cửa"
    assert not node.commands
    stale = await office.post(f"/bulletins/{bulletin['id']}/cancel", json={"number": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "api.changed_meanwhile")
    number = {"number": bulletin["number"]}
    again = await office.post(f"/bulletins/{bulletin['id']}/submit", json=number)
    assert again.status_code == 409
    assert "{" not in again.json()["message"]["vi"]
    over = await office.post(f"/bulletins/{bulletin['id']}/cancel", json=number)
    assert over.json()["state"] == "cancelled"
    assert (await office.get("/bulletins")).json() == []


async def test_what_nobody_can_read_is_asked(office: httpx.AsyncClient) -> None:
    asked = {**TEXT, "text": "Ngày 5/6 họp UBMTTQXYZ.", "places": PLACES, "at": later(), "submit": True}
    refused = await office.post("/bulletins", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "api.unclear")
    assert "UBMTTQXYZ" in refused.json()["params"]["words"]
    words = dict.fromkeys(refused.json()["params"]["words"].split(", "), "họp")
    assert (await office.post("/bulletins", json={**asked, "readings": words})).status_code == 201
    silent = await office.post("/bulletins", json={**asked, "text": "……"})
    assert (silent.status_code, silent.json()["code"]) == (422, "api.unreadable")


@pytest.mark.parametrize(
    ("more", "status", "code", "where"),
    [
        ({"places": ["29402"]}, 403, "api.no_place", "body.places"),
        ({"places": [*PLACES, "29402/x"]}, 403, "api.no_place", "body.places"),
        ({"class": "emergency", "places": PLACES}, 403, "api.no_emergency", "body.class"),
        ({"submit": True, "places": PLACES}, 422, "plan.no_time", "body.at"),
        ({"submit": True, "at": "2030-01-01T00:00:00Z"}, 422, "plan.no_place", "body.places"),
        (
            {"submit": True, "places": ["29401/khong-co"], "at": "2090-01-01T00:00:00Z"},
            422,
            "plan.unknown_place",
            "body.places",
        ),
        ({"places": ["../x"]}, 422, "command.invalid", "body.places.0"),
        ({"at": "2030-01-01T00:00:00"}, 422, "command.invalid", "body.at"),
        ({"at": "9999-12-31T23:59:59+07:00"}, 422, "command.invalid", "body.at"),
        ({"title": " "}, 422, "command.invalid", "body.title"),
        ({"tittle": "x"}, 422, "command.invalid", "body.tittle"),
        ({"text": "x" * 20_001}, 422, "command.invalid", "body.text"),
    ],
)
async def test_what_cannot_be_filed_is_refused_with_its_place(
    office: httpx.AsyncClient, more: dict[str, Any], status: int, code: str, where: str
) -> None:
    refused = await office.post("/bulletins", json={**TEXT, **more})
    told = refused.json()
    assert (refused.status_code, told["code"], told["where"]) == (status, code, where), refused.text
    assert (await office.get("/bulletins")).json() == []


async def test_words_are_kept_without_what_nobody_can_see(office: httpx.AsyncClient) -> None:
    words = {"title": "\u202eHọp\x00 thôn\u2066", "text": "\ufeffMời bà con\x00 đi họp.\x07"}
    made = (await office.post("/bulletins", json=words)).json()
    assert (made["title"], made["content"]["versions"][0]["segments"][0]["text"]) == ("Họp thôn", "Mời bà con đi họp.")
    none = await office.post("/bulletins", json={**words, "title": "\x00\u202e"})
    assert (none.status_code, none.json()["where"]) == (422, "body.title")


async def test_bulletins_of_other_places_are_not_shown(office: httpx.AsyncClient, hub: Running) -> None:
    other = await hub.http.post(f"{V1}/bulletins", json={**TEXT, "places": ["29402"]})
    assert other.status_code == 201, other.text
    assert (await office.get("/bulletins")).json() == []
    hidden = await office.get(f"/bulletins/{other.json()['id']}")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "bulletins.gone")


async def handed_in(office: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    made = await office.post("/bulletins", json={**TEXT, "places": PLACES, "at": later(), "submit": True, **more})
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


async def signing(hub: Running, *rights: str) -> httpx.AsyncClient:
    asked = {"name": "Lãnh đạo", "rights": ["see", *rights], "places": ["29401"]}
    secret = (await hub.http.post(f"{V1}/tokens", json=asked)).json()["secret"]
    return httpx.AsyncClient(base_url=f"{hub.url}{V1}", timeout=30, headers={"Authorization": f"Bearer {secret}"})


async def test_who_may_sign_sends_back_or_approves_and_the_writer_does_not(
    office: httpx.AsyncClient, hub: Running
) -> None:
    bulletin = await handed_in(office)
    path, seen = f"/bulletins/{bulletin['id']}", {"number": bulletin["number"]}
    assert (await office.post(f"{path}/approve", json=seen)).status_code == 403
    async with await signing(hub, "write", "approve") as leader:
        back = await leader.post(f"{path}/send-back", json={**seen, "word": "Thiếu giờ"})
        assert (back.status_code, back.json()["state"], back.json()["word"]) == (200, "returned", "Thiếu giờ")
        again = await office.post(f"{path}/submit", json={"number": back.json()["number"]})
        stale = await leader.post(f"{path}/approve", json=seen)
        assert (stale.status_code, stale.json()["code"]) == (409, "api.changed_meanwhile")
        own = await handed_in(leader)
        refused = await leader.post(f"/bulletins/{own['id']}/approve", json={"number": own["number"]})
        assert refused.json()["code"] == "approve.own"
        unheard = {"number": again.json()["number"], "unheard": True}
        signed = await leader.post(f"{path}/approve", json=unheard)
        assert signed.status_code == 200 or signed.json()["code"] == "approve.no_sound_yet", signed.text
        story = (await leader.get(f"{path}/history")).json()
    assert [step["act"] for step in story["steps"]][:5] == ["create", "plan", "submit", "send_back", "submit"]
    assert (await office.get(f"{path}/proof")).status_code == 200


async def test_another_plan_is_looked_at_as_on_its_page(office: httpx.AsyncClient) -> None:
    bulletin = await handed_in(office)
    path = f"/bulletins/{bulletin['id']}"
    back = await office.post(f"{path}/take-back", json={"number": bulletin["number"]})
    assert back.json()["state"] == "draft"
    plan = {"number": back.json()["number"], "places": PLACES, "at": later()}
    unsayable = {"rule": "FREQ=MONTHLY;BYDAY=2MO"}
    for more, code in (
        ({"recurrence": unsayable}, "plan.unsayable"),
        ({"at": "2020-01-01T00:00:00Z"}, "form.past"),
        ({"places": ["29402"]}, "api.no_place"),
    ):
        refused = await office.put(f"{path}/plan", json={**plan, **more})
        assert refused.json()["code"] == code, refused.text
    done = await office.put(f"{path}/plan", json=plan)
    assert (done.status_code, done.json()["warnings"]) == (200, [])


async def test_what_no_sentence_can_say_is_not_filed(office: httpx.AsyncClient) -> None:
    asked = {**TEXT, "places": PLACES, "at": later(), "recurrence": {"rule": "FREQ=YEARLY"}}
    refused = await office.post("/bulletins", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "plan.unsayable"), refused.text
    assert (await office.get("/bulletins")).json() == []
