"""What the tests of writing share: people with roles, forms, sounds."""

import re
import subprocess
from pathlib import Path

import httpx
from hub_rig import Running, signed_in

from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE


async def as_person(hub: Running, login: str, role: Role, place: str) -> httpx.AsyncClient:
    """A browser of somebody with a role in a place."""
    secret = await signed_in(hub.hub, login, Grant(role, Place.parse(place)))
    return httpx.AsyncClient(base_url=hub.url, timeout=60, cookies={COOKIE: secret}, headers={"Origin": hub.url})


async def new_draft(http: httpx.AsyncClient, text: str = "") -> str:
    """Begin a draft; its address."""
    answer = await http.post("/write", data={"text": text} if text else {})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def fields_of(http: httpx.AsyncClient, address: str) -> dict[str, str]:
    """What a browser would send of the form as it is shown."""
    page = (await http.get(address)).text
    return fields_in(page)


def fields_in(page: str) -> dict[str, str]:
    """The fields of the form of a draft, by what stands in its page."""
    from html import unescape

    form = page[page.index('id="write"') : page.index("</form>", page.index('id="write"'))]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        said = {name: unescape(value) for name, value in re.findall(r'([\w.-]+)="([^"]*)"', tag)}
        kind = said.get("type", "text")
        if kind != "file" and "name" in said and (kind not in ("checkbox", "radio") or " checked" in tag):
            found[said["name"]] = said.get("value", "")
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen else ""
    return found


def spoken_wav(folder: Path, pad_s: float = 1.5) -> Path:
    """A voice with silence at both ends, 48 kHz."""
    plain, padded = folder / "plain.wav", folder / "voice.wav"
    said = "Kính thưa bà con nhân dân thôn Đông, mời bà con ra nhà văn hóa họp."
    subprocess.run(["espeak-ng", "-v", "vi", "-w", str(plain), said], check=True)
    ends = f"adelay={int(pad_s * 1000)}:all=1,apad=pad_dur={pad_s}"
    convert(plain, padded, "-af", ends, "-ar", "48000")
    return padded


def convert(source: Path, target: Path, *how: str) -> Path:
    """By ffmpeg."""
    command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-i", str(source), *how, str(target)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return target
