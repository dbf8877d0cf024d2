"""The configuration file, the keys, the command line."""

import json
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from edge_agent.contract.signature import Verifier, public_key
from hub import refused
from hub.cli import main
from hub.config import ConfigError, HubConfig, SigningKey, UploadTokens, load
from hub.keys import Tokens, signer


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hub.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_empty_file_is_a_loopback_hub(tmp_path: Path) -> None:
    config = load(write(tmp_path, ""))
    assert config.listen.is_loopback
    assert (config.listen.host, config.listen.port, config.language) == ("127.0.0.1", 8080, "vi")
    assert config.data == tmp_path / "hub-data"


def test_all_mistakes_at_once_with_the_key_that_was_meant(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "listen: {}\nlanguage: fr\ntimezone: Asia/Ho_Chi_Min\n"
        "broker: {url: 'http://x', pasword: a}\nlisten_: 1\nlimits: {nodes: 0}\n",
    )
    with pytest.raises(ConfigError) as error:
        load(path)
    text = str(error.value)
    for words in (
        "listen_: không có khoá này. Có phải là listen? / no such key. Was listen meant?",
        "broker.pasword: không có khoá này. Có phải là password? / no such key. Was password meant?",
        "Was Asia/Ho_Chi_Minh meant?",
        "a broker is written mqtt://host:port",
        "limits.nodes",
        "language",
    ):
        assert words in text
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "a: [",
        "listen: {port: 1}\nlisten: {port: 2}",
        "broker: {url: 'mqtt://u:p@h'}",
        "broker: {url: 'mqtt://h:99999'}",
        "broker: {password: {file: a, env: B}}",
        "broker: {password: {}}",
        "listen: 5",
        "? [1]\n: 2",
        "1: 2",
    ],
)
def test_unusable_files_are_told_in_sentences(tmp_path: Path, text: str) -> None:
    result = CliRunner().invoke(main, ["run", str(write(tmp_path, text))])
    assert result.exit_code == 2
    assert result.stderr.startswith("edge-hub: ")
    assert "Traceback" not in result.output


def test_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(tmp_path / "none.yaml")])
    assert (result.exit_code, "cannot read" in result.stderr) == (2, True)


def test_password_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("secret\n")
    config = load(write(tmp_path, "broker: {username: hub, password: {file: pw}}"))
    assert config.broker.password
    assert config.broker.password.read() == "secret"
    config = load(write(tmp_path, "broker: {password: {env: HUB_TEST_PASSWORD}}"))
    assert config.broker.password
    with pytest.raises(ConfigError, match="HUB_TEST_PASSWORD"):
        config.broker.password.read()
    monkeypatch.setenv("HUB_TEST_PASSWORD", "other")
    assert config.broker.password.read() == "other"


def test_signing_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = SigningKey(id="hub-1", file=tmp_path / "deep" / "signing.key")
    made = signer(key)
    assert signer(key).public == made.public
    assert stat.S_IMODE((tmp_path / "deep" / "signing.key").stat().st_mode) == 0o600
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["signing.key"]
    assert Verifier({"hub-1": made.public}).verify(made.sign(b"x")) == b"x"


def test_raw_signing_key_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(bytes(range(32)))
    assert len(signer(SigningKey(file=path)).public) == 43


def test_damaged_signing_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_text("not a key")
    with pytest.raises(ConfigError):
        signer(SigningKey(file=path))
    assert path.read_text() == "not a key"


def test_key_command_prints_what_nodes_pin(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["key", str(write(tmp_path, "signing_key: {id: hub-1}"))])
    key_id, _, public = result.stdout.strip().partition(": ")
    assert (result.exit_code, key_id) == (0, "hub-1")
    public_key(public)


def test_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("shared-token\n")
    assert Tokens.load(UploadTokens(file=path)).allow("Bearer shared-token")
    path.write_text(json.dumps({"a": "one", "b": "two"}))
    tokens = Tokens.load(UploadTokens(file=path))
    assert tokens.allow("Bearer two")
    assert not tokens.allow("Bearer ")
    for bad in ('{"a": 1}', '{"a": ""}', "{"):
        path.write_text(bad)
        with pytest.raises(ConfigError):
            Tokens.load(UploadTokens(file=path))


def test_run_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    path = write(tmp_path, "listen: {port: 0}\nbroker: {url: 'mqtt://127.0.0.1:1'}")
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url, timeout=10) as page:
            assert "Bảng điều khiển" in page.read().decode()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "hub", "run", str(write(tmp_path, f"listen: {{port: {port}}}"))],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert result.returncode == 2
    assert "cannot start" in result.stderr
    assert "Traceback" not in result.stderr


def test_importing_the_hub_is_light() -> None:
    heavy = "numpy cv2 av sea_g2p pyaudio gtts"
    code = f"import sys, hub.cli, hub.app; print([m for m in '{heavy}'.split() if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_drafts_go_to_no_stranger_unless_the_file_says_so(tmp_path: Path) -> None:
    config = load(write(tmp_path, "data: store\nvoice: {idle_s: 5}\n"))
    assert [engine.engine for engine in config.voice.chain] == ["espeak-ng"]
    assert (config.voice.cache_dir, config.dictionary) == (
        tmp_path / "store" / "voice",
        tmp_path / "store" / "dictionary.yaml",
    )


def test_paths_of_the_voice_begin_at_the_file(tmp_path: Path) -> None:
    text = (
        "dictionary: /srv/words.yaml\n"
        "voice: {cache_dir: sound, chain: [{engine: piper, model: vi.onnx}], reading: {dictionaries: [own.yaml]}}\n"
    )
    config = load(write(tmp_path, text))
    assert config.dictionary == Path("/srv/words.yaml")
    assert config.voice.cache_dir == tmp_path / "sound"
    assert config.voice.chain[0].model == tmp_path / "vi.onnx"  # type: ignore[union-attr]
    assert config.voice.reading.dictionaries == (tmp_path / "own.yaml",)


def test_mistake_inside_a_list_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"voice\.chain\.0\.espeak-ng\.voise: .*no such key"):
        load(write(tmp_path, "voice: {chain: [{engine: espeak-ng, voise: vi}]}\n"))


def test_check_tries_what_starting_needs_and_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("no json")
    (tmp_path / "plain").write_text("a file")
    path = write(
        tmp_path,
        "name: Xã Mẫu\ndata: plain/hub\nbroker:\n  username: hub\n  password: {file: none}\nupload_tokens:\n"
        "  file: tokens.json\n",
    )
    found = CliRunner().invoke(main, ["check", str(path)])
    assert found.exit_code == 2
    for line, words in ((2, "Không ghi được"), (5, "Không đọc được mật khẩu"), (7, "Tệp mã của các nút")):
        assert any(f"hub.yaml:{line}: " in told and words in told for told in found.stderr.splitlines()), words
    (tmp_path / "none").write_text("secret")
    (tmp_path / "tokens.json").write_text('{"thon-dong": "h7Qk"}')
    path.write_text(path.read_text(encoding="utf-8").replace("plain/hub", "deep/data"), encoding="utf-8")
    right = CliRunner().invoke(main, ["check", str(path)])
    assert (right.exit_code, right.stderr) == (0, "")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["hub.yaml", "none", "plain", "tokens.json"]


def test_check_refuses_an_empty_file_and_names_the_lines_of_mistakes(tmp_path: Path) -> None:
    assert "Tệp trống" in CliRunner().invoke(main, ["check", str(write(tmp_path, "# nothing\n"))]).stderr
    told = (
        CliRunner().invoke(main, ["check", str(write(tmp_path, "name: Xã\ntimezone: Asia/Hanoi\nlimit: {}\n"))]).stderr
    )
    assert (
        "hub.yaml:2: timezone: không có múi giờ tên này; có phải là Asia/Ho_Chi_Minh?" in told
        and "Was Asia/Ho_Chi_Minh meant?" in told
    )
    assert "hub.yaml:3: limit: không có khoá này. Có phải là limits? / no such key. Was limits meant?" in told


REFUSED = {
    "listen: {port: tám}": "phải là số nguyên",
    "listen: {port: 70000}": "phải từ 65535 trở xuống",
    "listen: 5": "phải là các khoá kèm giá trị",
    "listen: {names: một}": "phải là danh sách",
    "listen: {proxies: [x]}": "phải là địa chỉ IP",
    "communes: [Xã Mẫu]": "chỉ dùng chữ thường không dấu",
    "name: 5": "phải là chữ",
    "log_level: loud": "chỉ được là một trong: 'debug', 'info', 'warning', 'error'",
    "timezone: Asia/Hanoi": "có phải là Asia/Ho_Chi_Minh?",
    "timezone: Mars": "ở Việt Nam ghi Asia/Ho_Chi_Minh",
    "broker: {url: localhost}": "phải ghi dạng mqtt://máy:cổng",
    "broker: {url: 'mqtt://u:p@h'}": "ghi vào khoá username và password",
    "broker: {url: 'mqtt://h:99999'}": "cổng phải là số từ 1 đến 65535",
    "broker: {url: 'mqtt://h:x'}": "không phải 'x'",
    "broker: {password: {}}": "chỉ ghi một trong hai khoá",
    "signing_key: {file: [a]}": "phải là đường dẫn",
    "database: {}": "thiếu khoá này, hãy thêm vào",
    "limitt: {}": "không có khoá này. Có phải là limits?",
    "demo: {people: []}": "ít quá; cần ít nhất 1 mục",
    "residents: {public: maybe}": "chỉ ghi true (có) hoặc false (không)",
    "notify: {night: {from: khuya}}": "giờ phải ghi dạng",
    "hours: {windows: [{from: '5:30', to: '06:30'}]}": "giờ phải ghi dạng",
    "hours: {windows: [{from: '06:30', to: '05:30'}]}": "phải có to sau from",
    "voice: {chain: [{engine: hát}]}": "không có loại",
    "cap: {senders: [{id: a, feeds: [b]}]}": "a: không có nguồn tin b",
    "- a": "Tệp phải gồm các khoá kèm giá trị",
    "a: [": "Tệp không đúng cách viết YAML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_refused_value_is_told_in_vietnamese_with_its_place_and_what_to_write(tmp_path: Path, text: str) -> None:
    told = CliRunner().invoke(main, ["check", str(write(tmp_path, text))]).stderr
    assert REFUSED[text] in told
    assert "hub.yaml" in told
    assert "giá trị không dùng được" not in told


def test_every_sentence_of_our_validators_is_known_in_vietnamese() -> None:
    found = set()
    for module in {sys.modules[model.__module__] for model in models(HubConfig)}:
        for mark, text in re.findall(r'raise ValueError\((f?)"([^"]+)"\)', Path(str(module.__file__)).read_text()):
            found.add(re.sub(r"\{[^}]+\}", "x", text) if mark else text)
    found = {text.removesuffix("x") + ". Was x meant?" if text.endswith("namex") else text for text in found}
    assert len(found) > 15
    assert [text for text in sorted(found) if not refused.said(text)] == []


def models(model: Any) -> set[Any]:
    """A model, and all that stand in it."""
    found, left = set(), [model]
    while left:
        one = left.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            if one not in found:
                found.add(one)
                left += [field.annotation for field in one.model_fields.values()]
        else:
            left += get_args(one)
    return found
