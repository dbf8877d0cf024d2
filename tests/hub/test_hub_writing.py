"""Drafts: kept, shared, handed on; by whom, and what becomes of two who write at once."""

import asyncio
import json
from pathlib import Path

import pytest
from documents_rig import NOTICE, docx_of
from hub_rig import Mosquitto, Running, config_for, serving
from writing_rig import as_person, fields_in, fields_of, new_draft

from edge_agent.contract.segments import Chime, Pause, Text
from hub.people.rights import Role
from hub.writing.length import of_text
from hub.writing.model import Words

ON_BOTH_DATABASES = "long"
TEXT = "Kính mời bà con thôn Đông ra nhà văn hóa họp lúc 7 giờ 30."


async def saved(hub: Running, address: str, **changes: str) -> dict[str, str]:
    """Send the form with changes, as a page that saves itself; the fields as they are then."""
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, **changes, "do": "save"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    return await fields_of(hub.http, address)


async def pressed(hub: Running, address: str, do: str, **changes: str) -> str:
    """Press a button of the form without scripts; the page after it."""
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, **changes, "do": do}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_draft_is_kept_with_every_saving_and_over_a_restart_of_the_hub(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub:
        address = await new_draft(hub.http)
        fields = await saved(hub, address, **{"title": "Họp thôn", "s1.text": TEXT})
        assert (fields["title"], fields["s1.text"], fields["number"]) == ("Họp thôn", TEXT, "2")
    async with serving(config_for(tmp_path, broker.port)) as again:
        assert (await fields_of(again.http, address))["s1.text"] == TEXT
        assert "Họp thôn" in (await again.http.get("/write")).text


async def test_two_people_who_write_at_once_both_keep_what_they_wrote(hub: Running) -> None:
    address = await new_draft(hub.http)
    async with await as_person(hub, "hoa", Role.STAFF, "") as hoa:
        mine, hers = await fields_of(hub.http, address), await fields_of(hoa, address)
        quiet = {"HX-Request": "true"}
        first = await hoa.post(address, data={**hers, "s1.text": "Bài của Hoa.", "do": "save"}, headers=quiet)
        assert "write_number" in first.text
        for words in ("Bài của t", "Bài của tôi."):
            second = await hub.http.post(address, data={**mine, "s1.text": words, "do": "save"}, headers=quiet)
            assert "hoa vừa sửa bản này" in second.text
        assert (await fields_of(hub.http, address))["s1.text"] == "Bài của Hoa."
        page = (await hub.http.get(address)).text
        assert "Bài của tôi." in page
        assert "Bài của t</" not in page  # of one page's tries the last is kept

        await hub.http.post(address, data={**mine, "s1.text": "Bài của tôi.", "do": "mine"})
        page = (await hub.http.get(address)).text
        assert fields_in(page)["s1.text"] == "Bài của tôi."
        assert "Bài của Hoa." in page


async def test_same_page_is_no_conflict_with_itself_however_its_savings_overtake(hub: Running) -> None:
    address = await new_draft(hub.http)
    fields = await fields_of(hub.http, address)
    for words in ("Một.", "Một hai.", "Một hai ba."):  # the number is that of the first page each time
        answer = await hub.http.post(
            address, data={**fields, "s1.text": words, "do": "save"}, headers={"HX-Request": "true"}
        )
        assert "write_number" in answer.text
    assert (await fields_of(hub.http, address))["s1.text"] == "Một hai ba."


async def test_conflict_without_scripts_shows_what_was_typed_and_offers_both(hub: Running) -> None:
    address = await new_draft(hub.http)
    async with await as_person(hub, "hoa", Role.STAFF, "") as hoa:
        mine, hers = await fields_of(hub.http, address), await fields_of(hoa, address)
        await hoa.post(address, data={**hers, "s1.text": "Bài của Hoa.", "do": "save"})
        answer = await hub.http.post(address, data={**mine, "s1.text": "Bài của tôi.", "do": "up:1"})
        assert answer.status_code == 409
        shown = fields_in(answer.text)
        assert shown["s1.text"] == "Bài của tôi."
        done = await hub.http.post(address, data={**shown, "do": "mine"}, follow_redirects=True)
        assert fields_in(done.text)["s1.text"] == "Bài của tôi."


async def test_content_kept_beside_is_taken_back(hub: Running) -> None:
    address = await new_draft(hub.http, "Bài đầu.")
    async with await as_person(hub, "hoa", Role.STAFF, "") as hoa:
        hers = await fields_of(hoa, address)
        await saved(hub, address, **{"s1.text": "Bài sau."})
        await hoa.post(address, data={**hers, "s1.text": "Bài của Hoa.", "do": "save"}, headers={"HX-Request": "true"})
    page = (await hub.http.get(address)).text
    copy = page.split('value="restore:')[1].split('"')[0]
    page = await pressed(hub, address, f"restore:{copy}")
    assert fields_in(page)["s1.text"] == "Bài của Hoa."
    assert "Bài sau." in page


async def test_pieces_are_added_moved_and_removed_without_scripts(hub: Running) -> None:
    address = await new_draft(hub.http, TEXT)
    await pressed(hub, address, "add:pause")
    await pressed(hub, address, "add:chime")
    page = await pressed(hub, address, "up:3", **{"s2.seconds": "4,5", "s3.name": "closing"})
    fields = fields_in(page)
    assert [fields[f"s{n}.kind"] for n in range(4)] == ["chime", "text", "chime", "pause"]
    assert (fields["s2.name"], fields["s3.seconds"], fields["s1.text"]) == ("closing", "4.5", TEXT)
    fields = fields_in(await pressed(hub, address, "remove:0"))
    assert [fields[f"s{n}.kind"] for n in range(3)] == ["text", "chime", "pause"]
    assert "s3.kind" not in fields


async def test_who_may_not_write_there_finds_no_draft(hub: Running) -> None:
    async with await as_person(hub, "dong", Role.AREA_HEAD, "29401//thon-dong") as dong:
        address = await new_draft(dong, "Bài của thôn Đông.")
        async with (
            await as_person(hub, "doai", Role.AREA_HEAD, "29401//thon-doai") as doai,
            await as_person(hub, "xa", Role.STAFF, "29401") as staff,
            await as_person(hub, "xem", Role.VIEWER, "29401") as viewer,
        ):
            fields = await fields_of(dong, address)
            for who in (doai, viewer):
                assert (await who.get(address)).status_code in (403, 404)
                assert (await who.post(address, data={**fields, "do": "save"})).status_code in (403, 404)
                assert (await who.post(f"{address}/remove")).status_code in (403, 404)
                assert "Bài của thôn Đông." not in (await who.get("/write")).text
            assert "Bài của thôn Đông." in (await staff.get("/write")).text
            assert (await staff.get(address)).status_code == 200
        assert (await dong.get(address)).status_code == 200


async def test_whole_draft_becomes_a_bulletin_that_can_be_planned(hub: Running) -> None:
    address = await new_draft(hub.http, TEXT)
    await pressed(hub, address, "add:pause")
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, "title": "Họp thôn Đông", "class": "priority", "do": "plan"})
    assert answer.status_code == 303
    _, _, id_, last = answer.headers["location"].split("/")
    assert last == "plan"
    bulletin = await hub.hub.bulletins.desk.get(id_)
    assert bulletin is not None
    assert (bulletin.content.title, bulletin.content.class_) == ("Họp thôn Đông", "priority")
    chime, text, pause = bulletin.content.versions[0].segments
    assert isinstance(chime, Chime)
    assert isinstance(text, Text)
    assert text.text == TEXT
    assert pause == Pause(seconds=2)
    assert (await hub.http.get(f"/write/of/{id_}")).headers["location"] == address

    again = await fields_of(hub.http, address)
    second = await hub.http.post(address, data={**again, "s1.text": "Hoãn họp.", "do": "plan"})
    assert second.headers["location"] == answer.headers["location"]
    changed = await hub.hub.bulletins.desk.get(id_)
    assert changed is not None
    assert changed.content.segments[1].text == "Hoãn họp."  # type: ignore[union-attr]


async def test_what_is_missing_is_said_where_it_is_mended(hub: Running) -> None:
    address = await new_draft(hub.http, "Mời bà con họp tại XQZ lúc 7 giờ.")
    page = await pressed(hub, address, "plan")
    assert "Bản tin chưa có tên" in page
    assert "Còn 1 chỗ máy chưa biết đọc" in page.split('id="piece_1"')[1].split("</fieldset>")[0]
    fields = {**await fields_of(hub.http, address), "title": "Họp"}
    chosen = {"reading_of": "1", "q0": "XQZ", "q0.way": "own", "q0.own": "xưởng quy dương"}
    answer = await hub.http.post(address, data={**fields, **chosen, "do": "plan"})
    assert answer.headers["location"].startswith("/bulletins/")
    bulletin = next(iter(hub.hub.bulletins.desk.open.values()))
    assert bulletin.content.segments[1].readings == {"XQZ": "xưởng quy dương"}  # type: ignore[union-attr]


async def test_length_is_held_against_what_a_session_may_last(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port, hours={"preset": "urban"})) as hub:
        address = await new_draft(hub.http, TEXT)
        assert "Mỗi buổi được phát tối đa 15 phút" in (await hub.http.get(address)).text
        fields = await fields_of(hub.http, address)
        long = {**fields, "s1.text": "Mời bà con họp. " * 1100, "do": "save"}
        answer = await hub.http.post(address, data=long, headers={"HX-Request": "true"})
        assert "Quá thời lượng cho phép: mỗi buổi tối đa 15 phút" in answer.text


async def test_empty_draft_does_not_go_on(hub: Running) -> None:
    address = await new_draft(hub.http)
    assert "chưa có lời đọc" in await pressed(hub, address, "plan", title="Trống")
    assert hub.hub.bulletins.desk.open == {}


async def test_reading_shows_changed_words_asks_and_keeps_answers(hub: Running) -> None:
    address = await new_draft(hub.http, "Mời bà con họp tại XQZ lúc 7h30.")
    quiet = {"HX-Request": "true"}
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, "do": "read:1"}, headers=quiet)
    assert "bảy giờ ba mươi phút" in answer.text
    assert 'name="reading_of" value="1"' in answer.text
    chosen = {"reading_of": "1", "q0": "XQZ", "q0.way": "own", "q0.own": "xưởng quy dương"}
    answer = await hub.http.post(address, data={**fields, **chosen, "do": "read:1"}, headers=quiet)
    assert "xưởng quy dương" in answer.text
    page = await pressed(hub, address, "read:1")
    assert "xưởng quy dương" in page


async def test_listening_gives_the_sound_plain_and_through_the_horn(hub: Running) -> None:
    address = await new_draft(hub.http, "Mời bà con họp.")
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, "do": "listen:1"}, headers={"HX-Request": "true"}, timeout=60)
    sounds = [part.split('"')[0] for part in answer.text.split('src="')[1:] if part.startswith("/previews/")]
    assert len(sounds) == 2
    for sound in sounds:
        assert (await hub.http.get(sound)).content[:4] == b"RIFF"


async def test_document_becomes_a_draft_and_what_was_left_out_can_be_taken_back(hub: Running) -> None:
    files = {"document": ("thong-bao.docx", docx_of(NOTICE))}
    answer = await hub.http.post("/write", data={"do": "document"}, files=files, follow_redirects=True)
    fields = fields_in(answer.text)
    assert fields["title"] == "Về việc tạm ngừng cấp điện để sửa chữa lưới điện"
    assert "từ 7h30 đến 11h30 ngày 08/6/2026" in fields["s1.text"]
    assert "Trần Thị Hoa" not in fields["s1.text"]
    left = answer.text.split('id="left_out"')[1]
    assert "Trần Thị Hoa" in left
    number = left.split("Trần Thị Hoa")[1].split('value="back:')[1].split('"')[0]
    page = await pressed(hub, str(answer.url.path), f"back:{number}")
    assert fields_in(page)["s1.text"].endswith("Trần Thị Hoa.")


async def test_pasted_letter_is_noticed_stripped_with_one_press_and_taken_back(hub: Running) -> None:
    address, text = await new_draft(hub.http), "\n".join(NOTICE)
    fields = await fields_of(hub.http, address)
    for words, offered in (("Mời bà con họp lúc 7h30.", False), (text, True)):
        sent = {**fields, "s1.text": words, "do": "save"}
        answer = await hub.http.post(address, data=sent, headers={"HX-Request": "true"})
        assert ("Đây có vẻ là một công văn" in answer.text) is offered
    page = await pressed(hub, address, "letter:1")
    said = fields_in(page)["s1.text"]
    assert "từ 7h30 đến 11h30 ngày 08/6/2026" in said
    assert not any(words in said for words in ("CỘNG HÒA", "Nơi nhận", "CHỦ TỊCH", "Trần Thị Hoa"))
    assert "Trần Thị Hoa" in page.split('id="left_out"')[1]
    assert "Đây có vẻ là một công văn" not in page
    undo = page.split('value="restore:')[1].split('"')[0]
    assert fields_in(await pressed(hub, address, f"restore:{undo}"))["s1.text"] == text
    again = await hub.http.post(address, data={**await fields_of(hub.http, address), "do": "letter:0"})
    assert again.status_code == 422


async def test_document_in_a_draft_keeps_what_was_typed_beside_it(hub: Running) -> None:
    address = await new_draft(hub.http)
    fields = await fields_of(hub.http, address)
    sent = {**fields, "title": "Tên của tôi", "s0.name": "morning", "do": "document"}
    answer = await hub.http.post(
        f"{address}/file", data=sent, files={"document": ("a.txt", "Mời bà con họp.".encode())}, follow_redirects=True
    )
    shown = fields_in(answer.text)
    assert (shown["title"], shown["s0.name"]) == ("Tên của tôi", "morning")
    assert "Mời bà con họp." in shown["s1.text"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Word đời cũ"),
        (b"PK\x03\x04 no zip", "bị hỏng"),
        (b"", "không có nội dung"),
    ],
)
async def test_document_that_gives_nothing_is_refused_in_words_and_loses_nothing(
    hub: Running, body: bytes, words: str
) -> None:
    address = await new_draft(hub.http)
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(
        f"{address}/file", data={**fields, "title": "Còn đây", "do": "document"}, files={"document": ("a.docx", body)}
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert fields_in(answer.text)["title"] == "Còn đây"
    assert (
        await hub.http.post("/write", files={"document": ("a.docx", body)}, data={"do": "document"})
    ).status_code == 422


async def test_versions_in_other_languages_need_a_recording(hub: Running) -> None:
    address = await new_draft(hub.http, TEXT)
    page = await pressed(hub, address, "language:tyz", title="Họp")
    assert fields_in(page)["version"] == "tyz"
    assert 'value="listen:' not in page
    tay = f"{address}?v=tyz"
    fields = await fields_of(hub.http, tay)
    added = await hub.http.post(address, data={**fields, "do": "add:text"}, follow_redirects=True)
    fields = {**fields_in(added.text), "s1.text": "Chữ Tày.", "do": "plan"}
    answer = await hub.http.post(address, data=fields, follow_redirects=True)
    assert "Máy không đọc được thứ tiếng này" in answer.text
    vietnamese = await fields_of(hub.http, address)
    assert vietnamese["s1.text"] == TEXT


async def test_a_language_that_nobody_began_is_not_left_out_without_a_word(hub: Running) -> None:
    address = await new_draft(hub.http, TEXT)
    await pressed(hub, address, "language:en", title="Họp")
    said = "Bản Tiếng Anh: Chưa có lời đọc hay bản thu nào."
    assert said in await pressed(hub, address, "plan")
    assert said not in await pressed(hub, address, "drop_language:en")
    answer = await hub.http.post(address, data={**await fields_of(hub.http, address), "do": "plan"})
    assert answer.status_code == 303 and "/plan" in answer.headers["location"]


async def test_hostile_forms_are_refused_and_html_is_text(hub: Running) -> None:
    address = await new_draft(hub.http, "<script>alert(1)</script> Mời bà con.")
    page = (await hub.http.get(address)).text
    assert "<script>alert" not in page
    fields = await fields_of(hub.http, address)
    for wrong in (
        {"number": "x"},
        {"tab": "../../etc"},
        {"s0.kind": "live"},
        {"s0.kind": "audio", "s0.sound": "0" * 64},
        {"class": "royal"},
        {"do": "up:99"},
        {"do": "language:xx"},
        {"do": "restore:other"},
    ):
        answer = await hub.http.post(address, data={**fields, "do": "save", **wrong}, headers={"HX-Request": "true"})
        assert answer.status_code == 422, wrong
    evil = {"Origin": "http://evil.example"}
    assert (await hub.http.post(address, data=fields, headers=evil)).status_code == 403
    assert (
        await hub.http.post(f"{address}/file", content=b"x", headers={"content-type": "text/plain"})
    ).status_code == 422


async def test_many_savings_at_once_end_in_one_of_them_with_nothing_broken(hub: Running) -> None:
    address = await new_draft(hub.http)
    fields = await fields_of(hub.http, address)
    texts = [f"Bản {n}." for n in range(12)]
    sent = [hub.http.post(address, data={**fields, "s1.text": text, "do": "save"}) for text in texts]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {303}
    assert (await fields_of(hub.http, address))["s1.text"] in texts


async def test_microphone_is_allowed_on_the_page_of_a_draft_only(hub: Running) -> None:
    address = await new_draft(hub.http)
    assert "microphone=(self)" in (await hub.http.get(address)).headers["permissions-policy"]
    assert "microphone=()" in (await hub.http.get("/write")).headers["permissions-policy"]


async def test_what_was_done_stands_in_the_audit_log(hub: Running) -> None:
    import sqlalchemy as sa

    from hub.people.audit import acts

    address = await new_draft(hub.http, TEXT)
    await hub.http.post(f"{address}/remove")
    assert (await hub.http.get(address)).status_code == 404
    id_, seen = address.rpartition("/")[2], []
    while len(seen) < 2:  # written behind the answer, at once
        rows = await hub.hub.store.read(lambda c: c.execute(sa.select(acts.c.act, acts.c.details)).fetchall())
        seen = [row.act for row in rows if json.loads(row.details).get("id") == id_]
    assert seen == ["draft.create", "draft.remove"]


def test_length_is_near_to_what_a_voice_takes() -> None:
    text = "Kính thưa bà con nhân dân, mời bà con thôn Đông ra nhà văn hóa họp lúc bảy giờ ba mươi phút sáng chủ nhật."
    assert 4 < of_text(text) < 9
    assert of_text("") == 0
    assert of_text("Năm 2026.") > of_text("Năm nay.")
    assert Words(text=text).waits is False


async def test_a_draft_in_which_nothing_was_written_is_the_next_one_too(hub: Running) -> None:
    first = await new_draft(hub.http)
    assert await new_draft(hub.http) == first
    assert "(chưa có tên)" not in (await hub.http.get("/write")).text
    fields = await fields_of(hub.http, first)
    await hub.http.post(first, data={**fields, "s1.text": "Mời bà con họp.", "do": "save"})
    assert await new_draft(hub.http) != first
    assert "Mời bà con họp." in (await hub.http.get("/write")).text
