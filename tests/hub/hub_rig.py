"""A real broker, a real hub, and a small node that speaks the contract."""

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import httpx

from edge_agent.contract.capabilities import Capability, Group
from edge_agent.contract.commands import Ack, Command, command
from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.records import Event, EventBatch, Sample, TelemetryBatch
from edge_agent.contract.reports import (
    About,
    BulletinState,
    CameraState,
    ClockReport,
    LightState,
    SpeakerState,
    Status,
)
from edge_agent.contract.signature import Verifier
from edge_agent.contract.switched import CabinetState, RuleState, SensorState, SwitchState, Trouble, Usage
from edge_agent.contract.topics import NodeTopics
from hub.app import Hub
from hub.clock import Clock
from hub.config import HubConfig
from hub.people.rights import EVERYWHERE, Grant, Role
from hub.people.sessions import COOKIE
from hub.server import _listen, _run

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The hub speaks plain HTTP here; reading the authorities of this machine for each client costs more than a hub."""
TOKEN = "a-token-only-for-tests"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"picture" * 40
WAVE = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(4000)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker that can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n"
            "max_queued_messages 100000\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise RuntimeError("mosquitto does not listen")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(5)
            self._process = None


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@dataclass
class Running:
    """A hub that serves. `http` asks as its administrator."""

    hub: Hub
    url: str
    http: httpx.AsyncClient
    config: HubConfig
    secret: str = ""

    @property
    def cookie(self) -> Any:
        """For a browser that is the administrator's."""
        return {"name": COOKIE, "value": self.secret, "url": self.url}

    @property
    def signed(self) -> dict[str, Any]:
        """For another client of the administrator's: its cookie, and whose page asks, as a browser says."""
        return {"cookies": {COOKIE: self.secret}, "headers": {"Origin": self.url}}


def config_for(folder: Path, broker_port: int, **more: Any) -> HubConfig:
    (folder / "tokens.json").write_text(json.dumps({"tram-bom": TOKEN}))
    raw = {
        "name": "Xã Tân Hội",
        "listen": {"port": 0, "names": ["hub.example"]},
        "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
        "upload_tokens": {"file": "tokens.json"},
        "notify": {"local_services": True},
        **more,
    }
    return HubConfig.model_validate(raw).under(folder)


@contextlib.asynccontextmanager
async def serving(config: HubConfig, connected: bool = True, clock: Clock | None = None) -> AsyncIterator[Running]:
    """The hub over real HTTP on a free port; `clock`: another one than this machine's."""
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    listener = _listen(config)
    async with Hub(config, clock) as hub:
        task = asyncio.create_task(_run(hub, listener, stop, ports.set_result))
        url = f"http://127.0.0.1:{await ports}"
        secret = await signed_in(hub, "quan-tri", Grant(Role.ADMINISTRATOR, EVERYWHERE))
        signed: Any = {"cookies": {COOKIE: secret}, "headers": {"Origin": url}}
        async with httpx.AsyncClient(base_url=url, timeout=15, verify=NO_TLS, **signed) as http:
            if connected:
                await until(lambda: hub.link.connected)
            try:
                yield Running(hub, url, http, config, secret)
            finally:
                await http.aclose()
                stop.set()
                await task


async def signed_in(hub: Hub, login: str, *given: Grant) -> str:
    """Somebody with these roles, who has just signed in: what their cookie holds."""
    account = hub.accounts.by_login(login) or await hub.accounts.add(login, login, given)
    return await hub.sessions.open(account.person.id, "test", strong=True)


async def until(check: Callable[[], Any], limit: float = 8) -> Any:
    """Wait until `check` gives something true; it is returned."""
    async with asyncio.timeout(limit):
        while not (found := check()):
            await asyncio.sleep(0.02)
    return found


def now() -> datetime:
    return datetime.now(UTC)


Reply = Callable[["FakeNode", Command], Awaitable[None]]


@dataclass
class FakeNode:
    """A node in a few lines: it verifies commands, answers, and reports what it was told to do."""

    port: int
    verifier: Verifier
    node: str = "tram-bom"
    commune: str = "29401"
    title: str = "Trạm bơm Đông"
    hub_url: str = ""
    session: str = "s-1"
    commands: list[Command] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    records: dict[int, Event | Sample] = field(default_factory=dict)
    picture: bytes = JPEG
    silent: bool = False
    more: tuple[Capability, ...] = ()
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        self.topics = NodeTopics(self.commune, self.node)
        self.client: aiomqtt.Client | None = None
        self._since = now()
        self._task: asyncio.Task[None] | None = None
        self._acting: set[asyncio.Task[None]] = set()

    def status(self, online: bool, **more: Any) -> Status:
        clock = ClockReport(trusted=True, source="kernel")
        return Status(online=online, session=self.session, since=self._since, version="0.1.0", clock=clock, **more)

    async def __aenter__(self) -> "FakeNode":
        will = aiomqtt.Will(self.topics.status, self.status(False, reason="lost").body(), 1, True)
        self.client = aiomqtt.Client("127.0.0.1", self.port, identifier=f"node-{self.node}", will=will)
        await self.client.__aenter__()
        await self.client.subscribe([(self.topics.command, 1), (self.topics.command_all, 1)])
        self._task = asyncio.create_task(self._listen())
        await self.report()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.lose()

    async def lose(self) -> None:
        """The connection ends as in a power cut: the broker publishes the last will."""
        if self._task is None or self.client is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, *self._acting, return_exceptions=True)
        self._task = None
        sock = self.client._client.socket()
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.05)
        with contextlib.suppress(aiomqtt.MqttError):
            await self.client.__aexit__(None, None, None)
        self.client._disconnected.exception()  # seen: the loss is meant

    async def report(self) -> None:
        """All retained messages."""
        await self.say(self.topics.status, self.status(True).body())
        await self.say(self.topics.about, self.about().body())
        await self.state(LightState(id="cong-thon", at=now(), wanted=0, actual=0, why="program"))
        await self.state(LightState(id="san-nha", at=now(), wanted=0, actual=0, why="default"))
        await self.state(SpeakerState(id="loa", at=now(), actual="idle"))
        await self.state(CameraState(id="cong", at=now(), actual="streaming", recording=True, width=640, height=360))

    def about(self) -> About:
        light: Any = {"kind": "light", "unit": "%", "writable": True, "step": 100}
        return About(
            node=self.node,
            commune=self.commune,
            name=self.title,
            zone="Thôn Đông",
            timezone="Asia/Ho_Chi_Minh",
            language="vi",
            version="0.1.0",
            capabilities=(
                Capability(id="cong-thon", name="Đèn cổng thôn", **light),
                Capability(id="san-nha", name="Đèn sân nhà văn hoá", **light),
                Capability(id="loa", kind="speaker", name="Loa cụm 1"),
                Capability(id="cong", kind="camera", name="Cổng thôn"),
                *self.more,
            ),
            groups=self.groups,
        )

    async def state(self, state: Any) -> None:
        await self.say(self.topics.state(state.kind, state.id), state.body())

    async def say(self, topic: str, body: bytes, retain: bool = True) -> None:
        assert self.client is not None
        await self.client.publish(topic, body, qos=1, retain=retain)

    async def ack(self, asked: Command, state: Any, **more: Any) -> None:
        ack = Ack(id=asked.id, node=self.node, state=state, at=now(), **more)
        await self.say(self.topics.ack, ack.body(), retain=False)

    async def send(self, *records: Event | Sample, skip: tuple[int, ...] = ()) -> None:
        """Records as the outbox sends them; those in `skip` get lost on the way."""
        for record in records:
            self.records[record.seq] = record
            if record.seq not in skip:
                await self._publish(record)

    async def _publish(self, record: Event | Sample) -> None:
        if isinstance(record, Event):
            batch: Any = EventBatch(node=self.node, session=self.session, records=(record,))
            await self.say(self.topics.event, batch.body(), retain=False)
        else:
            batch = TelemetryBatch(node=self.node, session=self.session, records=(record,))
            await self.say(self.topics.telemetry, batch.body(), retain=False)

    async def _listen(self) -> None:
        assert self.client is not None
        async for message in self.client.messages:
            asked = command.validate_json(self.verifier.verify(bytes(message.payload)))  # type: ignore[arg-type]
            assert asked.to in (f"{self.commune}/{self.node}", f"{self.commune}/all")
            if asked.selector and asked.selector.nodes and self.node not in asked.selector.nodes:
                continue
            self.commands.append(asked)
            if not self.silent:
                task = asyncio.create_task(self._act(asked))
                self._acting.add(task)
                task.add_done_callback(self._acting.discard)

    async def _act(self, asked: Command) -> None:
        reply = self.replies.get(asked.do) or getattr(self, f"_{asked.do.replace('.', '_')}", None)
        if reply is None:
            await self.ack(asked, "done")
        elif asked.do in self.replies:
            await reply(self, asked)
        else:
            await reply(asked)

    def _things(self, thing: str) -> list[str]:
        members = {group.id: group.members for group in self.groups}
        lights = [c.id for c in self.about().capabilities if c.kind == "light"]
        return lights if thing == "lights" else list(members.get(thing, (thing,)))

    async def _switched(self, id_: str, **more: Any) -> None:
        """The state of a light or another thing."""
        kinds = {c.id: c for c in self.about().capabilities}
        state: Any = LightState
        if id_ in kinds and kinds[id_].kind == "switch":
            state, more["use"] = SwitchState, kinds[id_].use
        await self.state(state(id=id_, at=now(), **more))

    async def _switch_override(self, asked: Command) -> None:
        args: Any = asked.args
        await self.ack(asked, "accepted")
        until_ = datetime(2099, 1, 1, 22, 15, tzinfo=UTC)
        if args.seconds:
            until_ = now() + timedelta(seconds=args.seconds)
        for id_ in self._things(args.thing):
            await self._switched(id_, wanted=args.level, actual=args.level, why="override", until=until_, by=asked.by)
        await self.ack(asked, "done")

    async def _switch_release(self, asked: Command) -> None:
        args: Any = asked.args
        for id_ in self._things(args.thing):
            await self._switched(id_, wanted=0, actual=0, why="program")
        await self.ack(asked, "done")

    async def _rule_arm(self, asked: Command) -> None:
        args: Any = asked.args
        await self.state(RuleState(id=args.rule, at=now(), thing="quat", armed=args.armed, actual="idle"))
        await self.ack(asked, "done")

    async def furnish(self, rows: int = 0) -> None:
        """A farm, a cabinet, and so many further lights in a group, each in a state of its own."""
        thing: Any = {"unit": "%", "writable": True, "step": 100}
        lamps = tuple(
            Capability(id=f"den-{n}", kind="light", name=f"Đèn trục {n}", **thing) for n in range(1, rows + 1)
        )
        self.more = (
            *lamps,
            Capability(id="san-bong", kind="light", name="Đèn sân bóng", **{**thing, "step": 1}),
            Capability(id="bom", kind="switch", name="Máy bơm ao", use="pump", **thing),
            Capability(id="van", kind="switch", name="Van tưới vườn rau", use="valve", **thing),
            Capability(id="quat", kind="switch", name="Quạt chuồng gà", use="fan", **thing),
            Capability(id="nhiet", kind="sensor", name="Nhiệt độ chuồng", use="temperature"),
            Capability(id="be", kind="sensor", name="Mức nước bể", use="level"),
            Capability(id="tu", kind="cabinet", name="Tủ điện trạm bơm"),
            Capability(id="nong", kind="rule", name="Quạt khi nóng"),
        )
        members = ("cong-thon", *(lamp.id for lamp in lamps))
        self.groups = (Group(id="truc-thon", name="Đường trục thôn", members=members),)
        await self.say(self.topics.about, self.about().body())
        later = now() + timedelta(hours=3)
        for lamp in lamps:
            used = Usage(energy_kwh=12.43, energy_by="estimated", hours_on=132.5, switch_ons=41)
            await self.state(
                LightState(id=lamp.id, at=now(), wanted=100, actual=100, why="program", until=later, usage=used)
            )
        await self._furnish_states(later)

    async def _furnish_states(self, later: datetime) -> None:
        burnt = Fault.of("fault.lampFailure", id="san-bong", value="0,0 A")
        trouble = (Trouble(type="lampFailure", since=now() - timedelta(minutes=50), fault=burnt),)
        await self.state(
            LightState(
                id="san-bong",
                at=now(),
                wanted=60,
                actual=60,
                why="override",
                until=later,
                by="Lan",
                troubles=trouble,
                fault=burnt,
            )
        )
        dry = Said.of("interlock.stays", reason="bể cạn nước", reason_en="no water")
        used = Usage(litres=1240.5, hours_on=12, switch_ons=3, energy_kwh=4.2, energy_by="measured")
        await self.state(
            SwitchState(
                id="bom",
                use="pump",
                at=now(),
                wanted=0,
                actual=0,
                why="interlock",
                by="interlock.stays",
                said=dry,
                usage=used,
            )
        )
        await self.state(
            SwitchState(
                id="van",
                use="valve",
                at=now(),
                wanted=100,
                actual=0,
                why="override",
                until=later,
                by="console",
                waits_until=now() + timedelta(minutes=2),
                usage=Usage(litres=30),
            )
        )
        hot = Said(
            code="rule.acts",
            vi="Quạt chạy vì nhiệt độ 33,2 °C cao hơn 32 °C đã 60 giây; tự tắt khi dưới 30 °C.",
            en="The fan runs because the temperature is 33.2 °C.",
        )
        await self.state(
            SwitchState(
                id="quat",
                use="fan",
                at=now(),
                wanted=100,
                actual=100,
                why="rule",
                by="nong",
                said=hot,
                until=later,
                power_w=74.5,
            )
        )
        await self.state(RuleState(id="nong", at=now(), thing="quat", armed=True, actual="acting", said=hot))
        await self.state(SensorState(id="nhiet", at=now(), actual=33.2, unit="Cel"))
        silent = Fault.of("sensor.silent", id="be", since=now().isoformat(), detail="no answer")
        await self.state(SensorState(id="be", at=now(), unit="1", fault=silent))
        opened = Fault.of("fault.cabinetDoorOpen", id="tu")
        await self.state(
            CabinetState(
                id="tu",
                at=now(),
                door_open=True,
                supply=True,
                power_w=412,
                energy_kwh=1032.4,
                energy_by="measured",
                supply_losses=2,
                troubles=(Trouble(type="cabinetDoorOpen", since=now(), fault=opened),),
                fault=opened,
            )
        )

    async def _speak(self, asked: Command) -> None:
        args: Any = asked.args
        await self.ack(asked, "accepted")
        await self.state(SpeakerState(id="loa", at=now(), actual="playing", playing=asked.id, title=args.text[:80]))

    async def _bulletin_plan(self, asked: Command) -> None:
        args: Any = asked.args
        b = args.bulletin
        await self.ack(asked, "accepted")
        await self.state(BulletinState(id=b.id, at=now(), actual="ready", title=b.title, next=b.at))
        await self.ack(asked, "done", result={"next": b.at.isoformat()})

    async def _bulletin_cancel(self, asked: Command) -> None:
        args: Any = asked.args
        await self.state(BulletinState(id=args.bulletin, at=now(), actual="cancelled", title="?"))
        await self.ack(asked, "done")

    async def _camera_snapshot(self, asked: Command) -> None:
        digest = hashlib.sha256(self.picture).hexdigest()
        async with httpx.AsyncClient(timeout=30, verify=NO_TLS) as http:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/jpeg"}
            answer = await http.put(f"{self.hub_url}/media/{digest}", content=self.picture, headers=headers)
        if answer.status_code not in (200, 201):
            await self.ack(asked, "failed", fault=Fault.of("media.refused", detail=f"HTTP {answer.status_code}"))
            return
        await self.ack(asked, "done", result={"sha256": digest, "at": now().isoformat()})

    async def _outbox_resend(self, asked: Command) -> None:
        args: Any = asked.args
        found = [r for seq, r in sorted(self.records.items()) if args.first <= seq <= args.last]
        for record in found:
            await self._publish(record)
        await self.ack(asked, "done", result={"records": len(found)})


def event(seq: int, type_: str = "started", about: str | None = None, **data: Any) -> Event:
    return Event.model_validate({"seq": seq, "at": now(), "type": type_, "about": about, "data": data})


def sample(seq: int, **values: float) -> Sample:
    return Sample(seq=seq, at=now(), values=values)
