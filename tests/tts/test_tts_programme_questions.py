from pathlib import Path

import pytest
from test_tts_programme_render import HEAD, script

from tts.programme import ScriptError, load, render


def test_nothing_is_spoken_before_all_questions_are_answered(tmp_path: Path) -> None:
    text = (
        HEAD + "  - text: Trời nắng.\n  - text: Mời họp XQZK.\n  - dialogue: [Một., Gọi ZQXW.]\n    voices: [nu, nam]\n"
    )
    with pytest.raises(ScriptError) as caught:
        render(load(script(tmp_path, text)), tmp_path / "a.flac", cache_dir=tmp_path / "cache")
    assert [(each.line, each.path, each.code) for each in caught.value.problems] == [
        (10, "segments[1].text", "programme.unclear"),
        (11, "segments[2].dialogue[1]", "programme.unclear"),
    ]
    assert caught.value.problems[0].context["written"] == "XQZK"
    assert not (tmp_path / "a.flac").exists()
    assert not list((tmp_path / "cache").glob("**/*.wav"))


def test_choices_of_the_script_answer_them(tmp_path: Path) -> None:
    text = HEAD.replace("segments:", "choices: {XQZK: hội đồng}\nsegments:") + "  - text: Mời họp XQZK.\n"
    sheet = render(load(script(tmp_path, text)), tmp_path / "a.flac")
    assert "hội đồng" in sheet.items[0].spoken
