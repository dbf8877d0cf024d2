"""Recordings and music as people bring them: whatever the phone made of them, nodes get one kind of file."""

import asyncio
import io
import wave
from pathlib import Path

import httpx
import pytest
from hub_rig import Running
from writing_rig import convert, fields_in, fields_of, new_draft, spoken_wav

from edge_agent.contract.segments import Audio, Text


async def brought(hub: Running, address: str, do: str, body: bytes, name: str = "ghi-am") -> httpx.Response:
    """Send a sound with the form."""
    fields = await fields_of(hub.http, address)
    field = do.replace(":", "")
    files = {field: (name, body, "application/octet-stream")}
    return await hub.http.post(
        f"{address}/file", data={**fields, "do": do}, files=files, follow_redirects=True, timeout=90
    )


def seconds_of(ogg: bytes) -> float:
    import av

    with av.open(io.BytesIO(ogg)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / 48_000


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "m4a", "webm"])
async def test_voice_in_any_file_loses_its_silent_ends_and_is_heard_before_it_is_kept(
    hub: Running, ending: str, tmp_path: Path
) -> None:
    wav = spoken_wav(tmp_path, pad_s=2.0)
    how = {"ogg": ("-c:a", "libopus"), "webm": ("-c:a", "libopus")}.get(ending, ())
    source = wav if ending == "wav" else convert(wav, tmp_path / f"voice.{ending}", *how)
    address = await new_draft(hub.http)
    answer = await brought(hub, address, "voice", source.read_bytes())
    assert answer.status_code == 200
    assert "Nghe lại trước khi giữ" in answer.text
    assert "s2.kind" not in fields_in(answer.text)
    sound = answer.text.split('class="take"')[1].split('src="')[1].split('"')[0]
    ogg = (await hub.http.get(sound)).content
    assert ogg[:4] == b"OggS"
    with wave.open(str(wav)) as whole:
        length = whole.getnframes() / 48_000
    assert length - 4.6 < seconds_of(ogg) < length - 3.4

    kept = await hub.http.post(address, data={**fields_in(answer.text), "do": "keep_take"}, follow_redirects=True)
    assert fields_in(kept.text)["s2.kind"] == "audio"
    assert fields_in(kept.text)["s2.by"] == "quan-tri"
    assert 'class="take"' not in kept.text


async def test_recording_and_music_bed_go_on_with_the_bulletin(hub: Running, tmp_path: Path) -> None:
    address = await new_draft(hub.http, "Mời bà con họp.")
    await brought(hub, address, "voice", spoken_wav(tmp_path).read_bytes())
    fields = await fields_of(hub.http, address)
    await hub.http.post(address, data={**fields, "do": "keep_take"})
    tone = tmp_path / "tone.mp3"
    import subprocess

    command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-f", "lavfi", "-i", "sine=frequency=500:duration=3"]
    subprocess.run([*command, str(tone)], check=True, stdin=subprocess.DEVNULL)
    with_bed = await brought(hub, address, "bed:1", tone.read_bytes(), "nhac.mp3")
    assert "nhac.mp3" in with_bed.text
    done = await hub.http.post(address, data={**fields_in(with_bed.text), "title": "Họp", "do": "plan"})
    assert done.headers["location"].startswith("/bulletins/")
    segments = next(iter(hub.hub.bulletins.desk.open.values())).content.segments
    text, audio = segments[1], segments[2]
    assert isinstance(text, Text)
    assert isinstance(audio, Audio)
    assert text.bed is not None
    for sound in (text.bed, audio.sound):
        medium = hub.hub.media.get(sound.sha256)
        assert medium is not None
        assert (medium.type, medium.size) == ("audio/ogg", sound.bytes)
    assert audio.clean


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "không có tiếng"),
        (b"\x1a\x45\xdf\xa3" + bytes(2000), "bị hỏng"),
        (b"MZ" + bytes(3000), "không phải tệp âm thanh"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "không phải tệp âm thanh"),
        (b"OggS" + bytes(4000), "bị hỏng"),
    ],
)
async def test_what_is_no_sound_is_refused_in_words_and_loses_nothing(hub: Running, body: bytes, words: str) -> None:
    address = await new_draft(hub.http, "Còn đây.")
    answer = await brought(hub, address, "voice", body)
    assert answer.status_code == 422
    assert words in answer.text
    assert fields_in(answer.text)["s1.text"] == "Còn đây."


async def test_silence_is_refused(hub: Running) -> None:
    silent = io.BytesIO()
    with wave.open(silent, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000 * 3))
    address = await new_draft(hub.http)
    for do in ("voice", "music"):
        answer = await brought(hub, address, do, silent.getvalue())
        assert answer.status_code == 422
        assert "Không nghe thấy tiếng" in answer.text


async def test_script_gets_the_refusal_as_words(hub: Running) -> None:
    address = await new_draft(hub.http)
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(
        f"{address}/file",
        data={**fields, "do": "voice"},
        files={"voice": ("x", b"MZ" + bytes(99))},
        headers={"Accept": "application/json, text/html;q=0.5"},
    )
    assert answer.status_code == 422
    assert "không phải tệp âm thanh" in answer.json()["words"]


async def test_file_without_an_end_or_too_large_is_refused_unread(hub: Running) -> None:
    address = await new_draft(hub.http)
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies=hub.http.cookies) as http:
        request = http.build_request("POST", f"{address}/file", headers={"Origin": hub.url})
    lines = [f"POST {address}/file HTTP/1.1", f"Host: {hub.url.removeprefix('http://')}", f"Origin: {hub.url}"]
    lines += [f"Cookie: {request.headers['cookie']}", "Content-Type: multipart/form-data; boundary=x"]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.rpartition(":")[2]))
    writer.write("\r\n".join([*lines, f"Content-Length: {200 * 1024 * 1024}", "", "--x"]).encode())
    answer = b""
    while "</main>" not in answer.decode(errors="replace"):
        chunk = await reader.read(65536)
        assert chunk, answer
        answer += chunk
    writer.close()
    assert answer.startswith(b"HTTP/1.1 422")
    assert "lớn quá 64 MB" in answer.decode()
