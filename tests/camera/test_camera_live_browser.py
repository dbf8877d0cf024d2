"""A real Chromium shows what the tap makes, through Media Source, whatever happens to the stream."""

import base64
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from camera_live_rig import FPS, Receiver, encode, frames_of, timed
from playwright.sync_api import Browser, Page, sync_playwright

from camera.frames import EncodedFrame
from camera.live.tap import LiveTap
from camera.model import LivePiece

PLAYER = """
<video muted playsinline></video>
<script>
window.errors = [];
const video = document.querySelector("video");
const wait = (target, name) => new Promise((done, fail) => {
  target.addEventListener(name, done, {once: true});
  setTimeout(() => fail(new Error(`no ${name}; ${video.currentTime} ${errors}`)), 10000);
});
async function play(pieces) {
  const source = new MediaSource();
  video.onerror = () => errors.push(video.error.message);
  video.src = URL.createObjectURL(source);
  await wait(source, "sourceopen");
  let buffer = null, epoch = null;
  for (const piece of pieces) {
    const mime = `video/mp4; codecs="${piece.codec}"`;
    if (!MediaSource.isTypeSupported(mime)) return {unsupported: piece.codec};
    if (buffer === null) { buffer = source.addSourceBuffer(mime); buffer.mode = "segments"; }
    else if (piece.kind === "init" && piece.epoch !== epoch) buffer.changeType(mime);
    epoch = piece.epoch;
    buffer.appendBuffer(Uint8Array.from(atob(piece.data), c => c.charCodeAt(0)));
    await wait(buffer, "updateend");
    if (errors.length) return {errors};
  }
  source.endOfStream();
  const ranges = [];
  for (let i = 0; i < buffer.buffered.length; i++) ranges.push([buffer.buffered.start(i), buffer.buffered.end(i)]);
  const sizes = [];
  for (const [begin, end] of ranges) {
    for (const time of [begin, (begin + end) / 2, end - 0.05]) {
      const seeked = wait(video, "seeked");
      video.currentTime = time;
      await seeked;
      sizes.push([video.videoWidth, video.videoHeight]);
    }
  }
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 36;
  const drawing = canvas.getContext("2d");
  drawing.drawImage(video, 0, 0, 64, 36);
  const seen = new Set(drawing.getImageData(0, 0, 64, 36).data);
  return {errors, ranges, sizes, colours: seen.size};
}
</script>
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    shown = browser.new_page()
    shown.set_content(PLAYER)
    yield shown
    shown.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def frames(folder: Path) -> list[EncodedFrame]:
    options = ("-c:v", "libx264", "-bf", "0", "-x264-params", "aud=1:repeat-headers=1")
    return frames_of(encode(folder, "plain.h264", *options))


def pieces_of(frames: list[EncodedFrame]) -> list[LivePiece]:
    receiver = Receiver()
    tap = LiveTap("gate", "sub", receiver)
    tap.begin()
    for frame in frames:
        tap.feed(frame)
    return receiver.pieces


def shown(page: Page, pieces: list[LivePiece]) -> dict[str, Any]:
    sent = [
        {"kind": p.kind, "codec": p.codec, "epoch": p.epoch, "data": base64.b64encode(p.data).decode()} for p in pieces
    ]
    told: dict[str, Any] = page.evaluate("pieces => play(pieces)", sent)
    assert told.get("errors") == [], told
    assert told["colours"] > 20
    return told


def length(told: dict[str, Any]) -> float:
    return sum(end - begin for begin, end in told["ranges"])


def test_a_stream_plays_from_its_first_picture_to_its_last(page: Page, frames: list[EncodedFrame]) -> None:
    told = shown(page, pieces_of(frames))
    assert len(told["ranges"]) == 1
    assert length(told) == pytest.approx(len(frames) / FPS, abs=0.2)
    assert told["sizes"] == [[320, 180]] * 3


def test_pictures_out_of_order_play(page: Page, folder: Path) -> None:
    told = shown(page, pieces_of(frames_of(encode(folder, "turned.mp4", "-c:v", "libx264", "-bf", "2"))))
    assert len(told["ranges"]) == 1
    assert length(told) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("step_s", [0, -0.1, 3600])
def test_a_camera_whose_clock_is_no_clock_plays(page: Page, frames: list[EncodedFrame], step_s: float) -> None:
    strange = [timed(frame, place * step_s, place / FPS) for place, frame in enumerate(frames)]
    told = shown(page, pieces_of(strange))
    assert len(told["ranges"]) == 1
    assert length(told) == pytest.approx(len(frames) / FPS, abs=0.5)


def test_what_was_left_out_is_a_hole_and_the_rest_plays(page: Page, frames: list[EncodedFrame]) -> None:
    pieces = pieces_of(frames)
    left = [piece for piece in pieces if not 15 < piece.number <= 20]
    assert len(left) == len(pieces) - 5
    told = shown(page, left)
    assert len(told["ranges"]) == 2
    assert told["ranges"][1][0] - told["ranges"][0][1] == pytest.approx(0.5, abs=0.1)


def test_another_size_goes_on_in_the_same_player(page: Page, folder: Path, frames: list[EncodedFrame]) -> None:
    options = ("-c:v", "libx264", "-bf", "0", "-x264-params", "repeat-headers=1")
    larger = frames_of(encode(folder, "larger.h264", *options, size="640x360", seconds=2))
    later = [timed(frame, 4 + place / FPS, 4 + place / FPS) for place, frame in enumerate(larger)]
    in_stream = [dataclasses.replace(frame, format=frames[0].format) for frame in later]
    begin = [timed(frame, place / FPS, place / FPS) for place, frame in enumerate(frames)]
    told = shown(page, pieces_of(begin + in_stream))
    assert length(told) == pytest.approx(6, abs=0.3)
    assert told["sizes"][0] == [320, 180]
    assert told["sizes"][-1] == [640, 360]
