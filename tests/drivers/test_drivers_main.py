import json

import pytest
from drivers_stand_ins import listed, write_wav

from drivers.__main__ import main


def test_lists_all_with_a_sentence(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["simulated-relay", *["A", "simulated", "relay", "board."]] for line in lines)


def test_checks(capsys):
    assert main(["check", "simulated-relay"]) == 0
    assert main(["check", "rpi-gpio-relay", "--config", '{"lines": {"lamp": {"pin": 4}}}']) == 1
    assert "driver.not_supported: this is not a Raspberry Pi" in capsys.readouterr().out


def test_says_what_is_wrong_in_a_sentence(capsys, tmp_path):
    assert main(["check", "simulated-relai"]) == 1
    assert "did you mean 'simulated-relay'?" in capsys.readouterr().err
    assert main(["check", "rpi-gpio-relay", "--config", '{"lines": {"lamp": {"pin": 99}}}']) == 1
    assert "lines.lamp.pin" in capsys.readouterr().err
    assert main(["play", str(tmp_path / "absent.wav"), "--driver", "file-speaker"]) == 1
    assert "speaker.bad_audio" in capsys.readouterr().err
    assert main(["play", "x.wav", "--driver", "simulated-relay"]) == 1
    assert "is not a speaker" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["play"])


def test_plays(capsys, tmp_path):
    write_wav(tmp_path / "a.wav", seconds=0.1)
    config = json.dumps({"directory": str(tmp_path / "out"), "paced": False})
    assert main(["play", str(tmp_path / "a.wav"), "--driver", "file-speaker", "--config", config]) == 0
    assert "0.10 s on" in capsys.readouterr().out
    assert len(listed(tmp_path / "out")) == 1
