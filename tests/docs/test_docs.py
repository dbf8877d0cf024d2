"""What people write stays true: nothing that exists is left out, nothing that is named is missing."""

import os
import re
import shlex
import shutil
from pathlib import Path
from typing import get_args

import click
import pytest
from docs_rig import DOCS, EXAMPLES, GUIDES, RECORDS, Block, blocks, markdown
from nacl.signing import SigningKey

import edge_agent.cli
import hub.cli
from bench.rig import COMMUNE, NODE, REPO
from drivers import registry
from edge_agent.config.model import NodeConfig
from edge_agent.contract import asyncapi
from edge_agent.contract.commands import KINDS, Ack
from edge_agent.contract.records import EventType, GapData
from edge_agent.contract.signature import Signer, Verifier
from edge_agent.doctor.examine import _examinations
from edge_agent.version import VERSION
from hub.config import HubConfig

MARKS = {"": "runs anywhere", "node": "runs on a machine with the packages that it installs"}
PROGRAMS: dict[str, click.Group] = {"edge-agent": edge_agent.cli.cli, "edge-hub": hub.cli.main}
ON_A_NODE = {"sudo", "chronyc", "nano", "systemctl", "journalctl"}
"""Programs that a marked block may begin with though this machine lacks them."""


def text(*names: str) -> str:
    return "\n".join((DOCS / name).read_text(encoding="utf-8") for name in names)


def every_guide() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in GUIDES)


def commands() -> list[str]:
    groups = PROGRAMS.items()
    return [f"{name} {command}" for name, group in groups for command in group.list_commands(click.Context(group))]


def test_there_is_a_guide_for_each_kind_of_user() -> None:
    kinds = {"area-head", "developer", "installer", "ioc", "staff"}
    assert {path.stem for path in GUIDES} == {f"guide-{kind}" for kind in kinds}


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_a_guide(command: str) -> None:
    assert f"{command}" in every_guide()


@pytest.mark.parametrize("name", registry.names())
def test_every_driver_is_in_both_guides(name: str) -> None:
    assert f"`{name}`" in text("guide-installer.md")
    assert f"`{name}`" in text("guide-developer.md")


@pytest.mark.parametrize("address", [c["address"] for c in asyncapi.document(VERSION)["channels"].values()])
def test_every_topic_is_explained(address: str) -> None:
    assert f"| `{address}` |" in text("guide-ioc.md")


@pytest.mark.parametrize("do", KINDS)
def test_every_command_to_a_node_is_explained_with_its_arguments(do: str) -> None:
    (row,) = [line for line in text("guide-ioc.md").splitlines() if line.startswith(f"| `{do}` |")]
    for name, field in KINDS[do].model_fields.items():
        assert name == "do" or f"`{field.alias or name}`" in row


def answers() -> tuple[str, ...]:
    reasons = get_args(GapData.model_fields["reason"].annotation)
    return (*get_args(EventType), *get_args(Ack.model_fields["state"].annotation), *reasons)


@pytest.mark.parametrize("word", answers())
def test_every_event_answer_and_reason_is_explained(word: str) -> None:
    assert f"`{word}`" in text("guide-ioc.md")


@pytest.mark.parametrize("section", NodeConfig.model_fields)
def test_every_section_of_a_node_is_explained(section: str) -> None:
    assert f"| `{section}` |" in text("guide-installer.md")


@pytest.mark.parametrize("section", HubConfig.model_fields)
def test_every_section_of_the_hub_is_named(section: str) -> None:
    assert f"`{section}" in text("guide-installer.md")


def test_every_line_of_the_doctor_is_explained() -> None:
    from edge_agent.config.load import load

    config = load(REPO / "configs" / "node.example.yaml").config
    assert config is not None
    for name, _ in _examinations(config, agent_runs=False):
        head = name.split()[0]
        assert f"| `{head}{' …' if ' ' in name else ''}` |" in text("guide-installer.md")


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(REPO)))
def test_links_lead_somewhere(path: Path) -> None:
    content = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", content):
        file, _, _anchor = target.partition("#")
        if not re.match(r"[a-z]+:", target) and file and not (path.parent / file).exists():
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("path", [*GUIDES, *RECORDS], ids=lambda path: path.stem)
def test_files_that_are_named_exist(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:edge_agent|drivers|tts|camera|hub|bench|configs|systemd|scripts|tests|docs)/[\w./-]*)`", content
    )
    assert [name for name in named if not (REPO / name).exists()] == []


def test_keys_of_catalogues_that_are_named_exist() -> None:
    from edge_agent.contract.sentences import sentences

    families = {code.split(".")[0] for code in sentences("vi")}
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", every_guide())
    known = {*sentences("vi"), *KINDS, "engine.offline"}
    files = {"hub.yaml", "hub.sqlite3", "hub.url", "node.yaml", "enrol.json"}
    dotted = [name for name in named if name.split(".")[0] in families and name not in files]
    assert [name for name in dotted if name not in known and not _is_key(name)] == []


def _is_key(name: str) -> bool:
    """Whether a dotted name is a key of a configuration, such as `clock.trust`."""
    section, _, key = name.partition(".")
    return any(
        section in model.model_fields and key in getattr(model.model_fields[section].annotation, "model_fields", {})
        for model in (NodeConfig, HubConfig)
    )


def lines(block: Block) -> list[list[str]]:
    """The commands of a block, as words."""
    joined = block.text.replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


SHELL = [block for path in markdown() if "adr" not in path.parts for block in blocks(path, "sh")]


@pytest.mark.parametrize("block", SHELL, ids=lambda block: f"{block.file}: {block.text.splitlines()[0][:40]}")
def test_commands_begin_with_a_program_that_exists(block: Block) -> None:
    assert block.mark in MARKS or block.file not in {path.name for path in GUIDES}
    own = REPO / ".venv" / "bin"
    for words in lines(block):
        program = words[0]
        here = (
            (REPO / program).exists() if "/" in program else shutil.which(program, path=f"{own}:{os.environ['PATH']}")
        )
        installed = program.startswith("/opt/edge-agent/bin/") and (own / Path(program).name).exists()
        # what systemd's own pages use is as root on a machine with systemd
        assert here or installed or (block.mark == "node" and program in ON_A_NODE) or block.file == "README.md", words


@pytest.mark.parametrize("block", SHELL, ids=lambda block: f"{block.file}: {block.text.splitlines()[0][:40]}")
def test_our_programs_have_these_commands_and_options(block: Block) -> None:
    for words in lines(block):
        call = words[3:] if words[:2] == ["sudo", "-u"] else words
        if (group := PROGRAMS.get(Path(call[0]).name)) is not None:
            _check_call(group, call[1:])


def _check_call(group: click.Group, rest: list[str]) -> None:
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    command = group.get_command(click.Context(group), rest[0]) if rest else None
    assert command is not None, rest
    if isinstance(command, click.Group):
        _check_call(command, rest[1:])
        return
    known = {name for parameter in [*command.params, *group.params] for name in parameter.opts} | {"--help"}
    assert set(options) <= known, rest
    if command.name == "send":
        assert rest[2] in KINDS, rest
        model = {field.alias or name for name, field in KINDS[rest[2]].model_fields.items()}
        assert {word.partition("=")[0] for word in rest[3:] if "=" in word} <= set(model), rest


def test_the_guide_shows_the_example_as_it_is() -> None:
    (block,) = [block for block in blocks(DOCS / "guide-ioc.md", "python") if block.mark.startswith("file=")]
    assert block.text == (EXAMPLES / block.mark.removeprefix("file=")).read_text(encoding="utf-8")


def test_signing_as_the_guide_shows_is_what_nodes_verify() -> None:
    (block,) = [block for block in blocks(DOCS / "guide-ioc.md", "python") if block.mark == "run=sign"]
    scope: dict[str, object] = {}
    exec(block.text, scope)
    key = SigningKey.generate()
    sign = scope["sign"]
    assert callable(sign)
    message = sign(key, "ioc", {"to": f"{COMMUNE}/{NODE}"})
    public = Signer("ioc", bytes(key)).public
    assert len(public) == 43
    assert Verifier({"ioc": public}).verify(message) == b'{"to": "26734/bench"}'


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_of_a_decision_is_complete(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    number, title = re.match(r"# (\d+)\. (.+)", content).groups()  # type: ignore[union-attr]
    assert path.name.startswith(f"{int(number):04}-")
    assert re.search(r"^Status: (proposed|accepted|superseded by .+)$", content, re.MULTILINE)
    heads = re.findall(r"^## (.+)$", content, re.MULTILINE)
    assert heads == ["Context", "Decision", "Alternatives", "Consequences"]
    assert f"[{title}]({path.name})" in text("adr/README.md")


def test_numbers_of_records_are_used_once() -> None:
    numbers = [path.name[:4] for path in RECORDS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_words_of_the_page_stand_in_the_staff_guide_as_they_are_on_the_page() -> None:
    from hub.language import catalogue

    guide = text("guide-staff.md")
    for key in (
        *("thing.auto", "thing.by_hand_on", "why.program", "why.default", "sending"),
        *("speaker.say", "speaker.again_at", "speaker.idle", "speaker.playing", "speaker.preparing"),
        *(
            "speaker.sound_away",
            "outcome.speaking",
            "outcome.silent",
            "bulletin.new",
            *("bulletins.title", "bulletins.to_plan", "bulletins.submit", "bulletins.tab_trouble", "bulletins.cancel"),
            *("plan.kind", "plan.time", "plan.where", "plan.skip", "plan.move_once", "plan.move_all", "plan.week"),
            *("approve.sign", "approve.back", "bulletins.tab_approve", "bulletins.feed_make"),
            "bulletin.cancel",
        ),
        *("bulletin.preparing", "bulletin.ready", "bulletin.on_air", "bulletin.aired_at", "bulletin.missed_at"),
        *("bulletin.cancelled", "camera.streaming", "camera.recording", "camera.retrying", "events.title"),
        *("node.offline_since", "node.stopped_since", "hub.lost", "records.missing"),
    ):
        sentence = re.split(r"\{|[.,:]", catalogue("vi")[key])[0].strip()
        assert sentence in guide, key
