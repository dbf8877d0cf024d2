"""What programs write into bulletins besides plain text: sounds they bring, several languages, other words later."""

from pathlib import Path
from typing import Any

import httpx
from hub_rig import FakeNode, Running
from test_hub_api_more import program
from writing_rig import fields_of, new_draft, spoken_wav

WORDS = "Sáng thứ bảy, trạm y tế tiêm chủng cho trẻ em."
TEXT = {"title": "Lịch tiêm chủng", "text": WORDS}
RIGHTS = ["see", "write"]
HERE = ["29401"]


async def bring(http: httpx.AsyncClient, body: bytes, kind: str = "voice", of: str = "audio/wav") -> httpx.Response:
    params = {"kind": kind, "name": "loi-keu-goi.wav"}
    return await http.put("/sounds", params=params, content=body, headers={"Content-Type": of}, timeout=90)


def code(answer: httpx.Response) -> tuple[int, str, str]:
    told = answer.json()
    return answer.status_code, told["code"], told["where"]


async def test_sounds_and_several_languages_stand_in_one_bulletin(hub: Running, node: FakeNode, tmp_path: Path) -> None:
    async with await program(hub, RIGHTS, HERE) as http, await program(hub, ["see"], HERE) as none:
        body = spoken_wav(tmp_path, pad_s=0.5).read_bytes()
        assert (await bring(none, body)).status_code == 403
        assert code(await bring(http, body, of="text/plain"))[:2] == (415, "api.not_file")
        assert code(await bring(http, b"MZ" * 4000))[:2] == (422, "write.sound_format")
        assert (await bring(http, body, kind="film")).status_code == 422
        brought = await bring(http, body)
        assert brought.status_code == 200, brought.text
        sound = brought.json()
        assert sound["seconds"] > 1 and sound["name"] == "loi-keu-goi.wav"
        heard = await hub.http.get(f"/media/{sound['sha256']}")
        assert heard.content[:4] == b"OggS" and len(heard.content) == sound["bytes"]
        vi: dict[str, Any] = {
            "language": "vi",
            "segments": [
                {"kind": "chime", "name": "two-tone"},
                {"kind": "text", "text": WORDS, "bed": {"sha256": sound["sha256"]}},
                {"kind": "pause", "seconds": 3},
            ],
        }
        tay = {"language": "tyz", "segments": [{"kind": "audio", "sound": sound, "by": "Bà Nông Thị Hà"}]}
        made = await http.post("/bulletins", json={"title": "Tiêm chủng", "versions": [vi, tay]})
        assert made.status_code == 201, made.text
        versions = made.json()["content"]["versions"]
        assert [segment["kind"] for segment in versions[0]["segments"]] == ["chime", "text", "pause"]
        assert versions[0]["segments"][1]["bed"] == {"sha256": sound["sha256"], "bytes": sound["bytes"]}
        assert versions[1]["segments"][0]["sound"]["bytes"] == sound["bytes"]

        lost = {**vi, "segments": [{"kind": "audio", "sound": {"sha256": "0" * 64}}]}
        refused = await http.post("/bulletins", json={"title": "A", "versions": [lost]})
        assert code(refused) == (422, "write.flaw_sound_gone", "body.versions.0.segments.0.sound")
        nobody = {"language": "tyz", "segments": [{"kind": "audio", "sound": sound}, {"kind": "text", "text": "Slao"}]}
        refused = await http.post("/bulletins", json={"title": "A", "versions": [nobody]})
        assert code(refused) == (422, "write.flaw_by", "body.versions.0.segments.0")
        assert [also["code"] for also in refused.json()["also"]] == ["write.flaw_no_voice"]
        strange = {**vi, "segments": [{"kind": "text", "text": "Họp UBMTTQXYZ."}]}
        refused = await http.post("/bulletins", json={"title": "A", "versions": [strange]})
        assert code(refused) == (422, "api.unclear", "body.versions.0.segments.0.readings")
        for wrong in ({"title": "A"}, {**TEXT, "versions": [vi]}):
            assert code(await http.post("/bulletins", json=wrong))[:2] == (422, "api.text_or_versions")
        twice = await http.post("/bulletins", json={"title": "A", "versions": [vi, vi]})
        assert code(twice)[:2] == (422, "api.language_twice")
        assert len((await http.get("/bulletins")).json()) == 1


async def test_words_are_changed_by_who_saw_what_stands_there(hub: Running, node: FakeNode) -> None:
    async with await program(hub, RIGHTS, HERE) as http, await program(hub, RIGHTS, ["30001"]) as away:
        made = (await http.post("/bulletins", json={**TEXT, "places": ["29401/tram-bom"]})).json()
        path, seen = f"/bulletins/{made['id']}", {"number": made["number"]}
        other = {"title": "Hoãn tiêm chủng", "text": "Buổi tiêm chủng dời sang chủ nhật."}
        assert code(await away.put(path, json={**other, **seen}))[:2] == (404, "bulletins.gone")
        assert code(await http.put(path, json={**other, "number": 1}))[:2] == (409, "api.changed_meanwhile")
        siren = await http.put(path, json={**other, **seen, "class": "emergency"})
        assert code(siren) == (403, "api.no_emergency", "body.class")
        unclear = await http.put(path, json={**other, **seen, "text": "Họp UBMTTQXYZ."})
        assert code(unclear) == (422, "api.unclear", "body.readings")
        changed = await http.put(path, json={**other, **seen})
        assert changed.status_code == 200, changed.text
        now = changed.json()
        assert (now["title"], now["state"], now["number"]) == (other["title"], "draft", made["number"] + 1)
        assert now["content"]["versions"][0]["segments"][0]["text"] == other["text"]
        assert now["places"] == ["29401/tram-bom"], "its plan stays"
        assert (await http.put(path, json={**other, **seen})).status_code == 409
        assert (await http.post(f"{path}/again", json={})).json()["number"] == now["number"]
        assert code(await away.post(f"{path}/again", json={}))[:2] == (404, "bulletins.gone")
    acts = (await hub.http.get("/api/v1/audit")).json()["items"]
    assert [one["name"] for one in acts if one["act"] == "bulletin.edit"] == ["Một cửa"]


async def test_who_has_its_draft_open_finds_the_new_words_and_keeps_their_own(hub: Running, node: FakeNode) -> None:
    address = await new_draft(hub.http, WORDS)
    fields = {**await fields_of(hub.http, address), "title": "Tiêm chủng", "do": "plan"}
    planned = await hub.http.post(address, data=fields)
    id_ = planned.headers["location"].split("/")[2]
    bulletin = (await hub.http.get(f"/api/v1/bulletins/{id_}")).json()
    other = {"title": "Tiêm chủng", "text": "Buổi tiêm chủng dời sang chủ nhật.", "number": bulletin["number"]}
    changed = await hub.http.put(f"/api/v1/bulletins/{id_}", json=other)
    assert changed.status_code == 200, changed.text
    page = (await hub.http.get(address)).text
    form = await fields_of(hub.http, address)
    assert other["text"] in form.values() and WORDS not in form.values()
    assert "restore:" in page, "what stood there before can be had again"
