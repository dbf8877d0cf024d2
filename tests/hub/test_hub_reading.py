"""The reading is shown and asked before a text is sent: over real HTTP, with the real voice and a node on a broker."""

import contextlib
import html
import io
import os
import re
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, serving, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.signature import Verifier
from tts.reading import Reader

PATH = "/nodes/29401/tram-bom"
HX = {"HX-Request": "true"}
UNCLEAR = "Mời bà con ra XQZ họp lúc 7h30."
CHOSEN = {"q0": "XQZ", "q0.way": "own", "q0.own": "xưởng quy dương"}


async def post(hub: Running, form: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
    return await hub.http.post(f"{PATH}/{form}", data=fields, headers=HX if headers is None else headers)


def words(answer: Any) -> str:
    """The text of a page, without marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


@contextlib.asynccontextmanager
async def joined(broker: Mosquitto, hub: Running) -> AsyncIterator[FakeNode]:
    """A node that this hub has seen."""
    async with FakeNode(broker.port, Verifier({hub.hub.signer.key_id: hub.hub.signer.public})) as node:
        await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes)
        yield node


def dictionary(hub: Running) -> Path:
    return hub.config.data / "dictionary.yaml"


async def test_preview_shows_what_is_said_and_what_was_changed(hub: Running, node: FakeNode) -> None:
    answer = await post(hub, "speak", text="UBND xã họp lúc 7h30.", speaker="loa", do="read")
    assert "hx-retarget" not in answer.headers
    assert re.search(r'<mark class="changed" tabindex="0"><span class="was">UBND → </span>ủy ban nhân dân', answer.text)
    assert "<dt>7h30</dt><dd>bảy giờ ba mươi" in answer.text
    assert "fieldset" not in answer.text
    assert "họp lúc" in words(answer)
    assert node.commands == []


async def test_words_that_touch_signs_stay_apart(hub: Running, node: FakeNode) -> None:
    answer = await post(hub, "speak", text="Mỗi nhà nộp 25.000đ/hộ.", speaker="loa", do="read")
    assert "một hộ" in re.sub(r"\S+ → ", "", words(answer))


async def test_speech_with_a_question_is_asked_first_and_then_spoken_as_chosen(hub: Running, node: FakeNode) -> None:
    asked = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send")
    assert asked.headers["hx-retarget"] == "find .reading"
    assert "hx-trigger" not in asked.headers
    assert "Chưa gửi: còn 1 chỗ" in words(asked)
    assert "“XQZ” đọc thế nào?" in words(asked)
    assert 'value="anyway"' in asked.text
    assert node.commands == []

    sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN)
    assert "Nút đã nhận và sẽ đọc ngay" in words(sent)
    assert sent.headers["hx-retarget"] == "#toasts"
    args: Any = node.commands[-1].args
    assert (args.text, args.readings, args.strict_reading) == (UNCLEAR, {"XQZ": "xưởng quy dương"}, False)
    assert not dictionary(hub).exists()


async def test_speak_anyway_sends_what_is_open(hub: Running, node: FakeNode) -> None:
    sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="anyway", **{"q0": "XQZ"})
    assert "Nút đã nhận và sẽ đọc ngay" in words(sent)
    args: Any = node.commands[-1].args
    assert (args.readings, args.strict_reading) == ({}, False)


async def test_speak_anyway_is_not_for_what_was_never_shown(hub: Running, node: FakeNode) -> None:
    answer = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="anyway", **{"q0": "ZZT"})
    assert "“XQZ” đọc thế nào?" in words(answer)
    assert node.commands == []


async def test_remembered_choice_is_not_asked_again_and_goes_to_the_node(hub: Running, node: FakeNode) -> None:
    sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN, **{"q0.keep": "1"})
    assert "Đã nhớ cách đọc XQZ: xưởng quy dương." in words(sent)
    assert "xưởng quy dương" in dictionary(hub).read_text()
    again = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send")
    assert "sẽ đọc ngay" in words(again)
    assert node.commands[-1].args.readings == {"XQZ": "xưởng quy dương"}  # type: ignore[union-attr]
    await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN, **{"q0.keep": "1"})
    assert dictionary(hub).read_text().count("XQZ") == 1


async def test_choice_is_not_remembered_when_nothing_was_sent(hub: Running, node: FakeNode) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    node.replies["speak"] = refuse
    await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN, **{"q0.keep": "1"})
    assert not dictionary(hub).exists()


COMMUNE = """# của xã
- {written: HTXNN, spoken: hợp tác xã nông nghiệp}
- {pattern: "BG {số}", spoken: "biển giếng {số}"}
- {written: thondong, spoken: thondong}
- {written: khu cũ, spoken: khu ao sen}
"""
WITH_COMMUNE = "HTXNN họp tại BG 12, khu cũ, theo Quyết định số 15/QĐ-HTXNN. Nhóm thondong."


async def test_node_without_the_dictionary_reads_as_was_shown(hub: Running, node: FakeNode) -> None:
    dictionary(hub).write_text(COMMUNE)
    shown = await post(hub, "speak", text=WITH_COMMUNE, speaker="loa", do="read")
    assert "fieldset" not in shown.text
    sent = await post(hub, "speak", text=WITH_COMMUNE, speaker="loa", do="send")
    assert "sẽ đọc ngay" in words(sent)
    args: Any = node.commands[-1].args
    alone = Reader().read(args.text, args.readings)
    assert alone.questions == ()
    for said in ("hợp tác xã nông nghiệp", "biển giếng mười hai", "khu ao sen", "thondong"):
        assert said in alone.spoken
    assert alone.spoken.count("hợp tác xã nông nghiệp") == 2
    assert Reader().read(WITH_COMMUNE).questions  # without them it would have asked


async def test_dictionary_that_is_edited_by_hand_counts_at_once(hub: Running, node: FakeNode) -> None:
    assert "fieldset" in (await post(hub, "speak", text=UNCLEAR, do="read")).text
    dictionary(hub).write_text("- {written: XQZ, spoken: ích quy}\n")
    assert "ích quy" in words(await post(hub, "speak", text=UNCLEAR, do="read"))
    dictionary(hub).unlink()
    assert "fieldset" in (await post(hub, "speak", text=UNCLEAR, do="read")).text


async def test_broken_dictionary_stops_no_announcement(hub: Running, node: FakeNode) -> None:
    dictionary(hub).write_text("- {written: XQZ, spoken: '12'}\n")
    shown = await post(hub, "speak", text=UNCLEAR, do="read")
    assert "Chưa xem được cách đọc. Từ điển đọc có lỗi" in words(shown)
    assert "line 1" in words(shown)
    sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN, **{"q0.keep": "1"})
    assert "sẽ đọc ngay. Chưa kiểm tra được cách đọc" in words(sent)
    assert "Chưa nhớ được cách đọc" in words(sent)
    assert node.commands[-1].args.readings == {"XQZ": "xưởng quy dương"}  # type: ignore[union-attr]
    assert dictionary(hub).read_text() == "- {written: XQZ, spoken: '12'}\n"


async def test_voice_that_does_not_answer_holds_nothing_up(
    hub: Running, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.voice.CHECK_S", 0.2)
    async with hub.hub.voice._turn:
        sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send")
        assert "sẽ đọc ngay" in words(sent)
        assert "Chưa kiểm tra được cách đọc" in words(sent)
        shown = await post(hub, "speak", text=UNCLEAR, do="read")
        assert "Vẫn gửi đi được" in words(shown)
    await until(lambda: not hub.hub.voice._checks)
    monkeypatch.undo()
    assert "“XQZ” đọc thế nào?" in words(await post(hub, "speak", text=UNCLEAR, do="read"))


async def test_voice_whose_process_dies_is_begun_anew(hub: Running, node: FakeNode) -> None:
    assert "fieldset" in (await post(hub, "speak", text=UNCLEAR, do="read")).text
    reader = hub.hub.voice._reader
    assert reader is not None
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    assert "fieldset" in (await post(hub, "speak", text=UNCLEAR, do="read")).text


@pytest.mark.parametrize(("language", "sentence"), [("vi", "Có chỗ cần người chọn"), ("en", "A person must choose")])
async def test_node_that_asks_by_itself_is_answered_in_the_form(
    hub: Running, node: FakeNode, language: str, sentence: str
) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("speech.unclear", detail="'KLM' (ca lờ mờ / klm)"))

    node.replies["speak"] = refuse
    hub.http.cookies.set("lang", language)
    answer = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **CHOSEN)
    assert sentence in words(answer)
    assert "'KLM' (ca lờ mờ / klm)" in words(answer)
    assert answer.headers["hx-retarget"] == "find .reading"
    assert 'value="xưởng quy dương"' in answer.text


async def test_own_words_must_be_words(hub: Running, node: FakeNode) -> None:
    for typed in ("phòng 12", "a & b", "x" * 501):
        fields = {"q0": "XQZ", "q0.way": "own", "q0.own": typed, "q0.keep": "1"}
        answer = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="send", **fields)
        assert "Chỉ viết chữ, không dùng số hay ký hiệu" in words(answer)
        assert html.escape(typed) in answer.text
    assert node.commands == []
    assert not dictionary(hub).exists()


async def test_only_what_holds_elsewhere_can_be_remembered(hub: Running, node: FakeNode) -> None:
    text = "Đội bóng thắng 5/6."
    asked = await post(hub, "speak", text=text, do="read")
    assert "“5/6” đọc thế nào?" in words(asked)
    assert ".keep" not in asked.text
    assert ".keep" in (await post(hub, "speak", text=UNCLEAR, do="read")).text


@pytest.mark.parametrize("text", ["Mời TT đến.", "Họp ở CN xã.", "Mời ĐT ra.", "Mời CAM ra.", "Ông A/B đến."])
async def test_what_depends_on_the_text_is_never_remembered(hub: Running, node: FakeNode, text: str) -> None:
    asked = await post(hub, "speak", text=text, do="read")
    assert asked.text.count("<fieldset") == 1
    assert ".keep" not in asked.text
    assert "Chỉ chọn cho bài này" in words(asked)
    written = re.search(r'name="q0" value="([^"]+)"', asked.text)
    assert written is not None
    forced = {"q0": html.unescape(written[1]), "q0.way": "own", "q0.own": "một hai", "q0.keep": "1"}
    sent = await post(hub, "speak", text=text, speaker="loa", do="send", **forced)
    assert "sẽ đọc ngay" in words(sent)
    assert not dictionary(hub).exists()


async def test_notes_of_candidates_are_in_the_language_of_the_page(hub: Running, node: FakeNode) -> None:
    vietnamese = words(await post(hub, "speak", text=UNCLEAR, do="read"))
    assert "(đọc từng chữ)" in vietnamese
    hub.http.cookies.set("lang", "en")
    english = words(await post(hub, "speak", text=UNCLEAR, do="read"))
    assert "(spelled out)" in english
    assert "(read as one word)" in english
    assert "đọc" not in english.partition("The loudspeaker will say")[0]


async def test_spaces_stand_where_a_printer_would_put_them(hub: Running, node: FakeNode) -> None:
    text = "Tiêm phòng (thứ Hai – thứ Sáu), họp T2,T6 và thứ 2 ,6."
    shown = await post(hub, "speak", text=text, do="read")
    spoken = re.search(r'<p class="spoken"[^>]*>(.*?)</p>', shown.text, re.DOTALL)
    assert spoken is not None
    said = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r'<span class="was">[^<]*</span>', "", spoken[1])))
    assert not re.search(r" [,.;:]|,\w", said)
    assert "thứ hai, sáu" in said


async def test_guessed_places_are_told_when_it_is_sent_and_in_the_log(hub: Running, node: FakeNode) -> None:
    sent = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="anyway", **{"q0": "XQZ"})
    assert "sẽ đọc ngay. Máy tự đoán cách đọc: XQZ." in words(sent)
    await node.send(event(1, "spoken", "speaker/loa", text=UNCLEAR, guessed=["XQZ"]))
    await until(lambda: getattr(hub.hub.ledger.accounts.get("29401/tram-bom"), "version", 0) >= 1)
    assert "Máy tự đoán cách đọc: XQZ." in html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)


async def test_sign_can_be_left_out(hub: Running, node: FakeNode) -> None:
    text = "Xin chào ¤ bà con."
    asked = await post(hub, "speak", text=text, speaker="loa", do="send")
    assert "Bỏ qua, không đọc" in words(asked)
    sent = await post(
        hub, "speak", text=text, speaker="loa", do="send", **{"q0": "¤", "q0.way": "say:", "q0.keep": "1"}
    )
    assert "sẽ đọc ngay" in words(sent)
    args: Any = node.commands[-1].args
    assert Reader().read(args.text, args.readings).spoken == "xin chào bà con."


async def test_many_questions_come_in_turns(hub: Running, node: FakeNode) -> None:
    letters = "BCDGHKLMNPQRST"
    unknown = [f"X{a}{b}Z" for a in letters for b in "BKQ"]
    text = ", ".join(unknown) + "."
    first = await post(hub, "speak", text=text, speaker="loa", do="send")
    shown = re.findall(r'name="q\d+" value="(\w+)"', first.text)
    assert len(shown) == 30
    assert f"Còn {len(unknown) - 30} chỗ nữa" in words(first)
    answers = {f"q{n}": written for n, written in enumerate(shown)}
    answers |= {f"q{n}.way": "say:một hai" for n in range(25)}
    second = await post(hub, "speak", text=text, speaker="loa", do="send", **answers)
    assert len(re.findall(r'type="radio"[^>]*checked|data-own>', second.text)) >= 25
    assert node.commands == []


async def test_texts_are_text_never_html(hub: Running, node: FakeNode) -> None:
    evil = "Họp <script>alert(1)</script> XQZ \"'><img src=x>"
    answer = await post(hub, "speak", text=evil, do="read")
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    field = {"q0": 'XQZ"><img src=x>', "q0.own": '"><img src=x>', "q0.way": "own"}
    assert "<img" not in (await post(hub, "speak", text=evil, do="read", **field)).text


async def test_nothing_to_read_is_said_under_the_form(hub: Running, node: FakeNode) -> None:
    for do in ("read", "listen", "send"):
        answer = await post(hub, "speak", text="🙂", speaker="loa", do=do)
        assert "Văn bản chỉ có ký hiệu (“🙂”), không có chữ để đọc" in words(answer)
        assert answer.headers.get("hx-retarget") == ("find .reading" if do == "send" else None)
        assert "listen" not in answer.text
        assert "Hãy viết nội dung trước" in words(await post(hub, "speak", text=" ", speaker="loa", do=do))
    foreign = await post(hub, "speak", text="Привет, 你好! 🙂", do="read")
    assert "chỉ có chữ nước ngoài (“Привет, 你好!”)" in words(foreign)
    skipped = await post(hub, "speak", text="XQZ", do="read", **{"q0": "XQZ", "q0.way": "say:"})
    assert "Mọi chỗ đều bỏ qua" in words(skipped)
    assert node.commands == []


async def test_preview_can_be_heard_as_on_the_pole_and_plain(hub: Running, node: FakeNode) -> None:
    heard = await post(hub, "speak", text=UNCLEAR, speaker="loa", do="listen", **CHOSEN)
    addresses = re.findall(r'src="(/previews/[0-9a-f]{64})"( autoplay)?', heard.text)
    assert [plays for _, plays in addresses] == [" autoplay", ""]
    assert "“XQZ” đọc thế nào?" in words(heard)  # the answer can still be changed
    for address, _ in addresses:
        sound = await hub.http.get(address)
        with wave.open(io.BytesIO(sound.content)) as file:
            assert (file.getframerate(), file.getnchannels()) == (48_000, 1)
            assert file.getnframes() > 48_000
        part = await hub.http.get(address, headers={"Range": "bytes=0-99"})
        assert (part.status_code, len(part.content)) == (206, 100)
    assert len({address for address, _ in addresses}) == 2
    assert node.commands == []
    assert (await hub.http.get(f"/previews/{'0' * 64}")).status_code == 404
    assert (await hub.http.get("/previews/..%2Fhub.sqlite3")).status_code == 404


async def test_of_a_long_text_the_beginning_is_heard(hub: Running, node: FakeNode) -> None:
    text = "Mời bà con đi họp đúng giờ. " * 100
    heard = await post(hub, "speak", text=text, do="listen")
    assert "Đây là đoạn đầu" in words(heard)
    address = re.search(r"/previews/[0-9a-f]{64}", heard.text)
    assert address is not None
    size = len((await hub.http.get(address[0])).content)
    assert 0 < size < 30_000_000


async def test_previews_are_few_and_paced(hub: Running, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.previews.MOST_SOUNDS", 3)
    addresses = []
    for text in ("Một.", "Hai.", "Ba."):
        heard = await post(hub, "speak", text=text, do="listen")
        addresses += re.findall(r"/previews/[0-9a-f]{64}", heard.text)
    codes = [(await hub.http.get(address)).status_code for address in addresses]
    assert codes == [404, 404, 404, 200, 200, 200]
    folder = hub.config.data / "previews"
    assert len(list(folder.iterdir())) == 3
    for _ in range(27):
        await post(hub, "speak", text="Một.", do="listen")
    busy = await post(hub, "speak", text="Một.", do="listen")
    assert "Đang có nhiều bản nghe thử" in words(busy)
    assert "audio" not in busy.text


async def test_sound_that_cannot_be_made_is_explained(broker: Mosquitto, tmp_path: Path) -> None:
    voice = {"chain": [{"engine": "espeak-ng", "program": "/nonexistent/espeak"}]}
    async with serving(config_for(tmp_path, broker.port, voice=voice)) as hub, joined(broker, hub):
        heard = await post(hub, "speak", text="Xin chào bà con.", do="listen")
        assert "Chưa nghe thử được. Không giọng đọc nào hoạt động" in words(heard)
        assert "audio" not in heard.text


async def test_without_javascript_the_form_comes_back_whole(hub: Running, node: FakeNode) -> None:
    asked = await post(hub, "speak", {}, text=UNCLEAR, speaker="loa", do="send")
    assert asked.status_code == 200
    assert asked.text.lstrip().startswith("<!doctype html>")
    assert "<script" not in asked.text
    assert UNCLEAR in asked.text
    assert "“XQZ” đọc thế nào?" in words(asked)
    sent = await post(hub, "speak", {}, text=UNCLEAR, speaker="loa", do="send", **CHOSEN)
    assert sent.status_code == 303
    shown = await post(hub, "speak", {}, text=UNCLEAR, speaker="loa", do="read")
    assert "Loa cụm 1" in shown.text
    assert f">{UNCLEAR}</textarea>" in shown.text
    nobody = await post(hub, "speak", {}, text=UNCLEAR, speaker="nobody", do="read")
    assert nobody.status_code == 200


async def test_no_voice_runs_until_it_is_needed_and_none_stays(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub, joined(broker, hub):
        voice = hub.hub.voice
        assert voice._reader is None
        assert voice._speaker.pid is None
        await post(hub, "speak", text=UNCLEAR, do="listen")
        assert voice._reader is not None
        pids = (voice._reader.pid, voice._speaker.pid)
        assert None not in pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
