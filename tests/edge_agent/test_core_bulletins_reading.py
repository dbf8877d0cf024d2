"""Bulletins with places that nobody said how to read: asked while the writer is there, never guessed, never silent."""

from datetime import timedelta
from pathlib import Path

import pytest
from core_radio import news, radio

from edge_agent.contract.errors import Refusal
from tts.errors import SpeechError

TEXT = "BQLDA họp lúc bảy giờ"


async def test_an_open_question_refuses_the_bulletin(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.unclear = ("BQLDA",)
        with pytest.raises(Refusal) as caught:
            await rig.plan(news(text=TEXT))
        assert caught.value.fault.code == "speech.unclear"
        assert "BQLDA" in caught.value.fault.vi
        assert rig.posts == []


async def test_with_the_choice_of_a_person_it_is_aired(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.unclear = ("BQLDA",)
        chosen = {"BQLDA": "ban quản lý dự án"}
        await rig.plan(news(text=TEXT, readings=chosen))
        await rig.passes(timedelta(hours=1))
        assert [state for _, state, _ in await rig.told()] == ["aired"]
        assert all(manner.readings == chosen and manner.strict for manner in rig.shelf.manners)


@pytest.mark.parametrize("changes", [{"strict_reading": False}, {"class": "emergency"}])
async def test_an_emergency_is_never_silent_for_an_acronym(tmp_path: Path, changes: dict[str, object]) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.unclear = ("BQLDA",)
        await rig.plan(news(text=TEXT, **changes))
        await rig.passes(timedelta(hours=2))
        assert [state for _, state, _ in await rig.told()] == ["aired"]


async def test_a_voice_that_is_busy_refuses_no_bulletin(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:

        async def busy(*_: object, **__: object) -> None:
            raise SpeechError("speech.timeout", "no answer within 5 s", retry=True)

        rig.shelf.read = busy  # type: ignore[assignment]
        assert await rig.plan(news(text=TEXT)) == {"next": "2026-11-22T22:30:00.000+00:00"}
