import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tts_stand_ins import Programs

from tts import EspeakSettings, Speech, SpeechError, VoiceSettings, VoiceWorker
from tts.client import MAX_WAITING
from tts.files import sha256_of
from tts.manner import Manner


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def marked(mark: str) -> list[int]:
    """Running children of the test, and theirs, that inherited `STAND_IN=mark`."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and running(pid) and _has_mark(pid, mark)]


def _has_mark(pid: int, mark: str) -> bool:
    with contextlib.suppress(OSError):
        return f"STAND_IN={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


@pytest.fixture
def settings(tmp_path: Path) -> VoiceSettings:
    return VoiceSettings(cache_dir=tmp_path / "cache", chain=(EspeakSettings(),))


@pytest.fixture
def hanging(tmp_path: Path, programs: Programs) -> VoiceSettings:
    """Hangs at every text that is not in the cache; the text `xin chào` is."""
    good = VoiceSettings(cache_dir=tmp_path / "cache", chain=(EspeakSettings(program=programs.make("good", "prog")),))
    from tts.chain import Synthesiser

    with Synthesiser(good) as synthesiser:
        synthesiser.say("xin chào")
    programs.make("hang", "prog")
    return VoiceSettings(
        cache_dir=good.cache_dir, chain=(EspeakSettings(program=str(tmp_path / "programs/prog"), timeout_s=30),)
    )


def calls(settings: VoiceSettings, programs: Programs) -> int:
    entry = settings.chain[0]
    assert isinstance(entry, EspeakSettings)
    return programs.calls(entry.program)


async def test_it_speaks_and_keeps_its_child(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings) as worker:
        assert worker.pid is None  # nothing runs before it is needed
        speech = await worker.say("Kính mời bà con.")
        pid = worker.pid
        again = await worker.say("Kính mời bà con.")
        assert worker.pid == pid
    assert sha256_of(speech.path) == speech.sha256
    assert (speech.engine, speech.cached, again.cached) == ("espeak-ng", False, True)
    assert pid is not None
    assert not running(pid)


async def test_importing_the_client_imports_nothing_heavy() -> None:
    code = "import sys, tts, tts.client, tts.child, tts.chain; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    printed, _ = await asyncio.wait_for(process.communicate(), 30)
    loaded = set(printed.decode().split())
    assert "tts.client" in loaded
    assert not loaded & {"numpy", "av", "sea_g2p", "gtts", "requests", "cv2", "pyaudio"}


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), ("  \n", "empty"), ("!?…", "empty"), ("x" * 100_000, "too_long"), ("a " * 20_001, "too_long")],
)
async def test_refusals_arrive_and_do_not_end_the_child(settings: VoiceSettings, text: str, code: str) -> None:
    async with VoiceWorker(settings) as worker:
        await worker.say("xin chào")
        pid = worker.pid
        with pytest.raises(SpeechError) as caught:
            await worker.say(text)
        assert (caught.value.code, caught.value.retry) == (f"speech.{code}", False)
        assert worker.pid == pid


@pytest.mark.parametrize("text", ["xin\ud800 chào\x00 \x1b[2J", "dòng một\n\ndòng hai\u2028", "<speak>bà con</speak>"])
async def test_awkward_characters_pass_the_pipe(settings: VoiceSettings, text: str) -> None:
    async with VoiceWorker(settings) as worker:
        assert (await worker.say(text)).seconds > 0.3


async def test_failed_engines_are_listed_across_the_pipe(tmp_path: Path, programs: Programs) -> None:
    broken = EspeakSettings(program=programs.make("die"))
    async with VoiceWorker(VoiceSettings(cache_dir=tmp_path / "cache", chain=(broken, EspeakSettings()))) as worker:
        speech = await worker.say("xin chào")
    assert [(attempt.engine, attempt.code) for attempt in speech.tried] == [("espeak-ng", "engine.failed")]


async def test_a_killed_worker_is_reported_and_replaced(hanging: VoiceSettings, programs: Programs) -> None:
    async with VoiceWorker(hanging) as worker:
        work = asyncio.create_task(worker.say("bà con"))
        await until(lambda: calls(hanging, programs) == 2)
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        with pytest.raises(SpeechError, match="SIGKILL") as caught:
            await work
        assert (caught.value.code, caught.value.retry) == ("speech.worker_died", True)
        assert (await worker.say("xin chào")).cached
        assert worker.pid != first


async def test_a_worker_killed_while_idle_is_replaced_unnoticed(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings) as worker:
        await worker.say("xin chào")
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: worker.pid is None)
        assert (await worker.say("xin chào")).cached


async def test_a_timeout_kills_the_worker(hanging: VoiceSettings) -> None:
    async with VoiceWorker(hanging) as worker:
        await worker.say("xin chào")
        first = worker.pid
        with pytest.raises(SpeechError) as caught:
            await worker.say("bà con", timeout_s=0.3)
        assert (caught.value.code, caught.value.retry) == ("speech.timeout", True)
        assert first is not None
        assert not running(first)
        assert (await worker.say("xin chào")).cached


@pytest.mark.parametrize("how", ["cancel", "kill"])
async def test_the_speech_program_goes_with_its_worker(
    hanging: VoiceSettings, programs: Programs, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    mark = str(hanging.cache_dir)
    monkeypatch.setenv("STAND_IN", mark)
    async with VoiceWorker(hanging) as worker:
        work = asyncio.create_task(worker.say("bà con"))
        await until(lambda: calls(hanging, programs) == 2)
        first = worker.pid
        assert first is not None
        if how == "cancel":
            work.cancel()
        else:
            os.kill(first, signal.SIGKILL)
        with pytest.raises((asyncio.CancelledError, SpeechError)):
            await work
        await until(lambda: marked(mark) == [])
        assert worker.pid is None
        assert (await worker.say("xin chào")).cached


async def test_cancelling_while_starting_leaves_no_process(
    settings: VoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = f"starting-{settings.cache_dir}"
    monkeypatch.setenv("STAND_IN", mark)
    async with VoiceWorker(settings) as worker:
        for turns in range(12):
            work = asyncio.create_task(worker.say("bà con"))
            for _ in range(turns):
                await asyncio.sleep(0)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
        await until(lambda: marked(mark) == [])
        assert (await worker.say("xin chào")).engine == "espeak-ng"


@pytest.mark.parametrize("turns", [1, 3, 6, 12])
async def test_leaving_the_context_while_starting_leaves_no_process(
    settings: VoiceSettings, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    mark = f"leaving-{settings.cache_dir}"
    monkeypatch.setenv("STAND_IN", mark)
    async with VoiceWorker(settings) as worker:
        work = asyncio.create_task(worker.say("bà con"))
        for _ in range(turns):
            await asyncio.sleep(0)
    with pytest.raises((RuntimeError, SpeechError)):
        await work
    await until(lambda: marked(mark) == [])


async def test_waiting_for_a_turn_counts_and_spares_the_one_at_work(hanging: VoiceSettings, programs: Programs) -> None:
    async with VoiceWorker(hanging) as worker:
        work = asyncio.create_task(worker.say("bà con", timeout_s=30))
        await until(lambda: calls(hanging, programs) == 2)
        pid = worker.pid
        with pytest.raises(SpeechError, match=r"speech\.timeout"):
            await worker.say("xin chào", timeout_s=0.1)
        assert worker.pid == pid
        assert not work.done()
        work.cancel()


async def test_too_many_waiting_are_turned_away(hanging: VoiceSettings, programs: Programs) -> None:
    async with VoiceWorker(hanging) as worker:
        work = asyncio.create_task(worker.say("bà con"))
        await until(lambda: calls(hanging, programs) == 2)
        waiting = [asyncio.create_task(worker.say("xin chào")) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0.5)
        with pytest.raises(SpeechError) as caught:
            await worker.say("xin chào")
        assert (caught.value.code, caught.value.retry) == ("speech.busy", True)
        work.cancel()
        done = await asyncio.gather(*waiting)
        assert all(speech.cached for speech in done)
        assert (await worker.say("xin chào")).cached


async def test_an_idle_worker_is_ended_and_comes_back(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings.model_copy(update={"idle_s": 0.1})) as worker:
        await worker.say("xin chào")
        first = worker.pid
        assert first is not None
        await until(lambda: worker.pid is None)
        await until(lambda: not running(first))
        assert (await worker.say("xin chào")).cached


async def test_speech_without_a_cache_folder_lives_as_long_as_the_context() -> None:
    settings = VoiceSettings(chain=(EspeakSettings(),), idle_s=0.1)
    async with VoiceWorker(settings) as worker:
        speech = await worker.say("xin chào")
        await until(lambda: worker.pid is None)  # the child has gone, its work has not
        assert sha256_of(speech.path) == speech.sha256
        assert (await worker.say("xin chào")).cached
    assert not speech.path.exists()


@pytest.mark.parametrize(
    ("python", "reason"), [("/nowhere/python", "cannot be started"), ("/bin/false", "exit code 1")]
)
async def test_a_worker_that_cannot_start_is_reported(settings: VoiceSettings, python: str, reason: str) -> None:
    async with VoiceWorker(settings, python=python) as worker:
        with pytest.raises(SpeechError, match=reason) as caught:
            await worker.say("xin chào")
        assert caught.value.code == "speech.worker_died"


async def test_outside_of_its_context_it_does_not_work(settings: VoiceSettings) -> None:
    with pytest.raises(RuntimeError, match="context"):
        await VoiceWorker(settings).say("xin chào")


async def test_leaving_the_context_ends_a_say_at_work(hanging: VoiceSettings, programs: Programs) -> None:
    async with VoiceWorker(hanging) as worker:
        work = asyncio.create_task(worker.say("bà con"))
        await until(lambda: calls(hanging, programs) == 2)
    with pytest.raises(SpeechError, match=r"speech\.worker_died"):
        await work


async def test_the_worker_ends_with_its_parent(hanging: VoiceSettings, programs: Programs) -> None:
    """Its standard input ends when the parent is gone, even while it works."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tts.worker", stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    from tts import wire

    assert process.stdin is not None
    process.stdin.write(
        wire.line(wire.start(hanging, Path("/nowhere"))) + wire.line(wire.request("say", "bà con", Manner()))
    )
    await until(lambda: calls(hanging, programs) == 2)
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL
    await until(lambda: not group_lives(process.pid))  # the stand-in that hangs went along


def group_lives(group: int) -> bool:
    """Whether a process of the group still runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


async def test_an_idle_worker_tidies_up_and_ends_well(settings: VoiceSettings) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tts.worker", stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    from tts import wire

    assert process.stdin is not None
    process.stdin.write(wire.line(wire.start(settings, Path("/nowhere"))))
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 20) == 0


@pytest.mark.parametrize("written", ["nothing", "half of the settings", "half of a request"])
async def test_a_worker_whose_parent_was_killed_early_ends_in_order(settings: VoiceSettings, written: str) -> None:
    """Its parent may be gone before it has said anything, or in the middle of a line."""
    from tts import wire

    start = wire.line(wire.start(settings, Path("/nowhere")))
    request = wire.line(wire.request("say", "bà con", Manner()))
    told = {"nothing": b"", "half of the settings": start[:20], "half of a request": start + request[:20]}[written]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tts.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert await asyncio.wait_for(process.communicate(told), 20) == (b"", b"")
    assert process.returncode == 0


async def test_a_text_is_read_across_the_pipe(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings) as worker:
        reading = await worker.read("Họp lúc 7h30-11h30")
    assert reading.written == "Họp lúc 7h30-11h30"
    assert "bảy giờ ba mươi phút đến mười một giờ ba mươi phút" in reading.spoken


async def test_an_empty_text_cannot_be_read(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings) as worker:
        with pytest.raises(SpeechError) as caught:
            await worker.read(" ")
    assert caught.value.code == "speech.empty"


async def test_what_is_urgent_does_not_wait_and_what_made_way_is_said_afterwards(
    tmp_path: Path, programs: Programs
) -> None:
    """The program hangs for the first text until something urgent has come; then it speaks."""
    good, hang = programs.make("good"), programs.make("hang", "prog")
    voice = EspeakSettings(program=hang, timeout_s=60)
    async with VoiceWorker(VoiceSettings(cache_dir=tmp_path / "cache", chain=(voice,))) as worker:
        first = asyncio.create_task(worker.say("Bản tin dài.", timeout_s=30))
        second = asyncio.create_task(worker.say("Bản tin sau.", timeout_s=30))
        await until(lambda: worker.pid is not None and programs.calls(hang) > 0)
        pid = worker.pid
        shutil.copyfile(good, hang)
        alarm = await worker.say("Báo động.", timeout_s=30, urgent=True)
        assert not first.done() and not second.done()
        assert worker.pid != pid
        assert alarm.seconds > 0.2
        assert [(await each).spoken for each in (first, second)] == ["bản tin dài.", "bản tin sau."]


async def test_urgent_texts_come_in_their_order_and_are_never_refused_as_too_many(settings: VoiceSettings) -> None:
    async with VoiceWorker(settings) as worker:
        waiting = [asyncio.create_task(worker.say(f"Bản tin số {n}.")) for n in range(MAX_WAITING + 1)]
        await asyncio.sleep(0)
        done: list[str] = []

        async def alarm(text: str) -> None:
            done.append((await worker.say(text, urgent=True)).spoken)

        await asyncio.gather(alarm("Báo động một."), alarm("Báo động hai."))
        assert done == ["báo động một.", "báo động hai."]
        assert all(speech.seconds > 0.2 for speech in await asyncio.gather(*waiting))


async def test_cancelling_something_urgent_lets_the_others_go_on(hanging: VoiceSettings) -> None:
    async with VoiceWorker(hanging) as worker:
        alarm = asyncio.create_task(worker.say("báo động", urgent=True))
        await until(lambda: worker.pid is not None)
        work = asyncio.create_task(worker.say("bà con", timeout_s=5))
        await asyncio.sleep(0.1)
        alarm.cancel()
        with pytest.raises(asyncio.CancelledError):
            await alarm
        with pytest.raises(SpeechError) as caught:
            await work
        assert caught.value.code == "speech.timeout"


async def test_urgent_texts_keep_their_order_however_long_looking_them_up_takes(
    settings: VoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with VoiceWorker(settings) as worker:
        get = worker._recall.get

        def slow(text: str, manner: Manner) -> Speech | None:
            time.sleep(0.3 if "một" in text else 0)
            return get(text, manner)

        monkeypatch.setattr(worker._recall, "get", slow)
        done: list[str] = []

        async def alarm(text: str) -> None:
            done.append((await worker.say(text, urgent=True)).spoken)

        await asyncio.gather(alarm("Báo động một."), alarm("Báo động hai."))
        assert done == ["báo động một.", "báo động hai."]
