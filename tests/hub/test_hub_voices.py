"""A voice for a text: chosen on the page, listened to, made into the sound, told where another one spoke."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bulletins_rig import COMMUNE, Cluster, cluster, known, someone, words
from hub_rig import Mosquitto, Running, config_for, serving, until
from writing_rig import fields_of, new_draft

from edge_agent.contract.capabilities import SpokenVoice
from edge_agent.contract.reports import About
from edge_agent.contract.segments import Text, Version
from hub.people.rights import Role

TEXT = "Mời bà con đi họp."
CHAIN = [
    {"engine": "espeak-ng", "id": "nu", "name": "Giọng nữ"},
    {"engine": "espeak-ng", "id": "nam", "name": "Giọng nam", "pitch": 20},
    {"engine": "espeak-ng", "id": "hong", "name": "Giọng hỏng", "pitch": 70, "program": "/nonexistent"},
]
QUIET = {"HX-Request": "true"}


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, voice={"chain": CHAIN})) as running:
        yield running


class Newer(Cluster):
    """A node that tells its voices."""

    def about(self) -> About:
        voices = (SpokenVoice(id="nam", name="Giọng nam", engine="espeak-ng"),)
        return super().about().model_copy(update={"speaks": voices})


async def listened(hub: Running, address: str, voice: str) -> str:
    fields = {**await fields_of(hub.http, address), "s1.text": TEXT, "s1.voice": voice, "do": "listen:1"}
    answer = await hub.http.post(address, data=fields, headers=QUIET, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_voice_is_chosen_heard_and_kept_and_another_that_speaks_is_told(hub: Running) -> None:
    address = await new_draft(hub.http)
    page = (await hub.http.get(address)).text
    assert '<option value="">Giọng thường dùng' in page and '<option value="nam">Giọng nam' in page
    usual, low = await listened(hub, address, ""), await listened(hub, address, "nam")
    sounds = [{part.split(chr(34))[0] for part in html.split("/previews/")[1:]} for html in (usual, low)]
    assert sounds[0] and not sounds[0] & sounds[1]
    assert "đọc thay" not in usual + low
    assert '<option value="nam" selected>' in (await hub.http.get(address)).text
    assert "Giọng “Giọng hỏng” lúc này không đọc được, nên giọng “Giọng nữ” đọc thay." in await listened(
        hub, address, "hong"
    )


async def test_a_voice_that_is_not_there_is_refused_when_the_bulletin_is_filed(hub: Running) -> None:
    address = await new_draft(hub.http)
    form = {"title": "Họp thôn", "s1.text": TEXT, "s1.voice": "ba-gia"}
    fields = {**await fields_of(hub.http, address), **form, "do": "plan"}
    answer = await hub.http.post(address, data=fields, follow_redirects=True)
    assert "Trung tâm không có giọng “ba-gia”. Các giọng đang có: nu (Giọng nữ), nam (Giọng nam)" in words(answer)
    assert '<option value="ba-gia" selected>ba-gia: không còn giọng này' in answer.text
    forged = {**await fields_of(hub.http, address), "s1.voice": '"><script>', "do": "save"}
    assert (await hub.http.post(address, data=forged, headers=QUIET)).status_code == 422
    fields = {**await fields_of(hub.http, address), "s1.voice": "nam", "do": "plan"}
    planned = await hub.http.post(address, data=fields, follow_redirects=True)
    assert planned.url.path.endswith("/plan")


async def test_the_sound_has_the_voice_and_only_nodes_that_know_voices_get_its_name(
    hub: Running, broker: Mosquitto
) -> None:
    old = cluster(hub, broker.port, "cu", "Cụm cũ", "Thôn Đông", (20.5, 105.9))
    new = Newer(broker.port, old.verifier, node="moi", commune=COMMUNE, title="Cụm mới", hub_url=hub.url)
    async with old, new, someone(hub, "lan", Role.STAFF) as lan, someone(hub, "minh", Role.APPROVER) as minh:
        await known(hub, old, new)
        versions = tuple(
            Version(language="vi", segments=(Text(text=TEXT, voice=voice), Text(text="Xin cảm ơn.", voice="hong")))
            for voice in ("nam",)
        )
        draft = await lan.draft(versions=versions)
        await lan.planned(draft, datetime(2099, 1, 1, 1, tzinfo=UTC), COMMUNE)
        made = await lan.sounds(draft)
        instead = [made.sounds[s.rendered.sha256].instead for s in made.content.versions[0].segments]  # type: ignore[union-attr]
        assert instead == ["", "Giọng nữ"]
        page = await minh.see(f"/bulletins/{draft.id}")
        assert "giọng nam" in page and "Giọng “hong” lúc này không đọc được, nên giọng “Giọng nữ” đọc thay." in page
        await minh.act(draft, "approve")
        await until(lambda: old.plans and new.plans, 20)
        said = [[part.voice for part in node.plans[-1].versions[0].segments] for node in (old, new)]
        assert said == [[None, None], ["nam", "hong"]]
        assert all(part.rendered for part in old.plans[-1].versions[0].segments)


async def test_a_program_names_a_voice_or_is_told_which_there_are(hub: Running) -> None:
    asked = {"title": "Họp", "text": TEXT, "places": [COMMUNE]}
    refused = await hub.http.post("/api/v1/bulletins", json={**asked, "voice": "ba-gia"})
    assert (refused.status_code, refused.json()["where"]) == (422, "body.voice")
    assert "Trung tâm không có giọng “ba-gia”" in refused.json()["message"]["vi"]
    made = await hub.http.post("/api/v1/bulletins", json={**asked, "voice": "nam"})
    assert made.json()["content"]["versions"][0]["segments"][0]["voice"] == "nam"
