"""What is wrong reaches people: gathered, at their hours, once, in order, also when a channel was away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from notify_rig import START, Hook, ToldClock, hook, mail
from sqlalchemy.engine import Connection

from edge_agent.contract.capabilities import Capability
from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from edge_agent.contract.reports import About, BulletinState, SpeakerState, Status
from edge_agent.contract.switched import CabinetState, LightState
from edge_agent.contract.topics import NodeTopics
from hub.alerts import outbox
from hub.alerts.channels import Channels
from hub.alerts.engine import Engine
from hub.alerts.model import Channel, Rule, within
from hub.alerts.news import News
from hub.alerts.settings import Night, Notify
from hub.alerts.stands import Stands
from hub.alerts.tables import items, messages, told
from hub.alerts.watch import Watch
from hub.alerts.words import Writer
from hub.cap.tables import acts as cap_acts
from hub.cap.tables import alerts
from hub.config import HubConfig
from hub.forgotten import Forgotten
from hub.messages import decode
from hub.notice import Notice
from hub.people.rights import EVERYWHERE, Place
from hub.presence import Presence
from hub.registry import Registry
from hub.sealed import Seal
from hub.store import Store

ON_BOTH_DATABASES = "long"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DARK = Fault.of("fault.lampFailure", id="den", value="0 W")


@dataclass
class Commune:
    """Nodes that are what the test says, and the engine that looks at them."""

    store: Store
    clock: ToldClock
    registry: Registry
    channels: Channels
    engine: Engine
    seal_file: Path
    connected: bool = True
    means: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    """Places that foreign alerts mean."""

    async def __call__(self, seconds: float = 0) -> None:
        """So much later, in steps of at most 20 seconds, as the engine runs."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            await self.engine.look()
            await self.engine.send()
            left = (end - self.clock.now()).total_seconds()
            if left <= 0:
                return
            self.clock.forward(seconds=min(20, left))

    def node(self, name: str, area: str = "Thôn Đông", commune: str = "29401", things: int = 0) -> None:
        status = Status(online=True, session="s", since=self.clock.now(), version="1")
        lamps = tuple(
            Capability(id=f"den-{n}", kind="light", name=f"Đèn số {n}", unit="%", writable=True) for n in range(things)
        )
        speaker = Capability(id="loa", kind="speaker", name="Loa cụm")
        about = About(
            node=name,
            commune=commune,
            name=f"Trạm {name}",
            zone=area,
            timezone="Asia/Ho_Chi_Minh",
            language="vi",
            version="1",
            capabilities=(speaker, *lamps),
        )
        self.say(name, "status", status, commune)
        self.say(name, "about", about, commune)

    def away(self, name: str) -> None:
        gone = Status(online=False, session="s", since=START, version="1", reason="lost")
        self.say(name, "status", gone)

    def say(self, name: str, channel: str, body: Any, commune: str = "29401") -> None:
        topics = NodeTopics(commune, name)
        topic = topics.state(body.kind, body.id) if channel == "state" else getattr(topics, channel)
        assert self.registry.apply(decode(topic, body.body(), retained=False))

    def lamp(self, name: str, number: int, *, broken: bool) -> None:
        fault = DARK if broken else None
        at = self.clock.now()
        state = LightState(id=f"den-{number}", at=at, wanted=100, actual=100, why="program", fault=fault)
        self.say(name, "state", state)

    async def channel(self, url: str, name: str = "Trực", **more: Any) -> Channel:
        given: dict[str, Any] = {"place": EVERYWHERE, "rules": frozenset(Rule), "quiet_from": None, "quiet_until": None}
        since = self.clock.now() + timedelta(milliseconds=len(self.channels.all()))
        made = Channel(
            id=Channels.new_id(), name=name, url=url, shown="máy thử", on=True, since=since, **{**given, **more}
        )
        await self.channels.keep(made)
        return made

    async def rows(self, table: sa.Table) -> list[Any]:
        return list(await self.store.read(lambda c: c.execute(sa.select(table).order_by(table.c.id)).mappings().all()))


def commune_on(store: Store, clock: ToldClock, registry: Registry, settings: Notify, seal: Seal) -> Commune:
    channels = Channels(store, seal)
    writer = Writer("vi", ZONE, "Xã Tân Hội", "https://loa.example")
    watch = Watch(registry, settings, "vi", ZONE)
    made: list[Commune] = []

    async def concerns(id_: str) -> tuple[Place, ...]:
        return made[0].means.get(id_, ())

    stands = Stands(store, registry, lambda: made[0].connected, clock, seal, concerns)
    engine = Engine(settings, stands, watch, channels, writer)
    made.append(Commune(store, clock, registry, channels, engine, seal.file))
    return made[0]


@pytest.fixture
async def commune(tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[Commune]:
    config = HubConfig.model_validate({"data": str(tmp_path), **database}).under(tmp_path)
    store, clock = Store(config.database_address), ToldClock()
    await store.start()
    registry = Registry(Presence(store), Notice(), clock, 1000, Forgotten(store))
    made = commune_on(store, clock, registry, Notify(local_services=True), Seal(tmp_path / "secrets.key"))
    await made.engine.load()
    await made(20)  # until what nodes say is believed
    try:
        yield made
    finally:
        await store.stop()


@pytest.fixture
async def web() -> AsyncIterator[Hook]:
    async with hook() as made:
        yield made


async def test_forty_lamps_of_a_village_are_one_message(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=40)
    for number in range(40):
        commune.lamp("dong", number, broken=True)
    await commune(50)
    assert web.got == [], "it must last"
    await commune(100)
    (body,) = web.bodies
    assert web.got[0]["title"] == "Xã Tân Hội: 40 đèn hoặc thiết bị hỏng ở Thôn Đông"
    assert "- Đèn số 0, Trạm dong (10:01): Đèn số 0" not in body, "the fault's own sentence stands as the node said it"
    assert "- và 34 việc khác" in body and "https://loa.example" in body and "đã bật nhưng đèn không sáng" in body
    await commune(3600)
    assert len(web.got) == 1, "told once"
    for number in range(39):
        commune.lamp("dong", number, broken=False)
    await commune(200)
    assert web.got[1]["title"] == "Xã Tân Hội: 39 đèn hoặc thiết bị đã trở lại bình thường ở Thôn Đông"
    assert len(web.got) == 2


async def test_what_is_well_before_it_was_told_is_not_told(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=1)
    commune.lamp("dong", 0, broken=True)
    await commune(40)
    commune.lamp("dong", 0, broken=False)
    await commune(300)
    assert web.got == []


async def test_a_channel_that_is_away_for_an_hour_loses_nothing_and_hears_nothing_twice(
    commune: Commune, web: Hook
) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=6)
    await web.close()
    for number in range(4):  # one every ten minutes
        commune.lamp("dong", number, broken=True)
        await commune(600)
    commune.lamp("dong", 1, broken=False)  # was not told yet, and is over
    await commune(1200)
    waiting = [row for row in await commune.rows(messages) if row["state"] == "waiting"]
    assert len(waiting) == 1 and waiting[0]["tries"] >= 8 and waiting[0]["error"].startswith("notify.error_")
    web.status = 503
    await web.open()
    await commune(600)
    assert web.asked >= 1 and (await commune.rows(messages))[0]["error"] == "notify.error_refused 503"
    web.status = 200
    await commune(900)
    assert [("Đèn số 0" in body, "Đèn số 2" in body, "Đèn số 3" in body) for body in web.bodies] == [
        (True, False, False),
        (False, True, True),
    ]
    assert not any("Đèn số 1" in body for body in web.bodies)
    assert [row["state"] for row in await commune.rows(messages)] == ["sent", "sent"]
    assert {row["message"] != 0 for row in await commune.rows(items)} == {True}


async def test_a_restart_forgets_nothing_and_tells_nothing_twice(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=2)
    commune.lamp("dong", 0, broken=True)
    await commune(140)
    await web.close()
    commune.lamp("dong", 1, broken=True)
    await commune(140)
    assert len(web.got) == 1
    seal = Seal(commune.seal_file)
    again = commune_on(commune.store, commune.clock, commune.registry, Notify(local_services=True), seal)
    await again.engine.load()
    await web.open()
    await again(600)
    assert len(web.got) == 2 and "Đèn số 1" in web.bodies[1]
    commune.lamp("dong", 0, broken=False)
    await again(200)
    assert "đã trở lại bình thường" in web.got[2]["title"]


async def test_quiet_hours_gather_but_what_is_urgent_passes(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url, quiet_from=time(22), quiet_until=time(6))
    commune.node("dong", things=1)
    commune.clock.forward(hours=13)  # 23:00
    await commune()
    commune.lamp("dong", 0, broken=True)
    await commune(300)
    assert web.got == []
    leak = Fault.of("fault.leakageDetected", id="tu-dien")
    commune.say("dong", "state", CabinetState(id="tu-dien", at=commune.clock.now(), fault=leak))
    await commune(20)
    (first,) = web.got
    assert "tủ điện có sự cố" in first["title"] and "Đèn số 0" not in first["message"]
    commune.clock.forward(hours=6, minutes=40)  # 05:45
    await commune(600)
    assert len(web.got) == 1
    await commune(700)  # after 06:00
    assert "Đèn số 0" in web.bodies[1] and len(web.got) == 2


async def test_a_box_that_was_copied_is_told_at_night_and_once(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url, quiet_from=time(22), quiet_until=time(6))
    commune.node("dong")
    commune.clock.forward(hours=13)  # 23:00
    await commune()
    copied = Fault.of("enrol.cloned", board="0123456789abcdef", other="fedcba9876543210")
    for number in range(3):  # the two take turns
        status = Status(online=True, session=f"s-{number}", since=commune.clock.now(), version="1", fault=copied)
        commune.say("dong", "status", status)
        await commune(120)
    (body,) = web.bodies
    assert "Trạm dong" in body and "0123456789abcdef" in body


async def test_an_alert_that_waits_is_told_at_night_and_when_somebody_decided(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url, quiet_from=time(9), quiet_until=time(8, 59))
    row = {column.name: "" for column in alerts.columns} | {"proved": 1, "level": 3, "body": b""}
    row |= {"id": "a-1", "state": "waiting", "title": "Mưa lớn", "areas": "Xã Tân Hội"}
    await commune.store.call(lambda c: c.execute(alerts.insert().values(row)).rowcount)
    await commune()
    assert web.got[0]["title"] == "Xã Tân Hội: 1 cảnh báo chờ người quyết định"
    assert "Mưa lớn" in web.bodies[0]
    await commune.store.call(lambda c: c.execute(alerts.update().values(state="dismissed")).rowcount)
    await commune(60)
    assert len(web.got) == 1, "that nobody has to decide any more can wait for the morning"
    commune.clock.forward(hours=22, minutes=58)  # 08:59
    await commune()
    assert "không còn chờ" in web.got[1]["title"]


async def test_nobody_is_woken_for_what_proves_nothing_until_it_is_proved(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url, quiet_from=time(9), quiet_until=time(8, 59))
    row = {column.name: "" for column in alerts.columns} | {"proved": 0, "level": 4, "body": b"", "state": "waiting"}
    row |= {"id": "a-1", "title": "Lũ quét", "areas": "Xã Tân Hội", "given_by": "Hai"}
    calm = {"alert": "a-1", "at": "", "who": "Hai", "act": "calm", "word": ""}

    def write(connection: Connection) -> int:
        connection.execute(alerts.insert().values(row))
        return connection.execute(cap_acts.insert().values(calm)).rowcount

    await commune.store.call(write)
    await commune(120)
    assert web.got == []
    await commune.store.call(lambda c: c.execute(alerts.insert().values(row | {"id": "a-2", "title": "Bão"})).rowcount)
    await commune()
    assert "Bão" in web.bodies[0] and "Hai đưa vào, chưa có gì chứng tỏ tin này là thật" in web.bodies[0]
    proved = alerts.update().where(alerts.c.id == "a-1").values(proved=1)
    await commune.store.call(lambda c: c.execute(proved).rowcount)
    await commune(60)
    assert "Lũ quét" in web.bodies[1] and "chưa có gì chứng tỏ" not in web.bodies[1]


async def test_an_alert_that_waits_is_told_where_it_means_and_to_all_where_nobody_knows(
    commune: Commune, web: Hook
) -> None:
    async with hook() as west, hook() as other:
        await commune.channel(web.url, place=Place("29401", "thon-dong"))
        await commune.channel(west.url, place=Place("29401", "thon-tay"))
        await commune.channel(other.url, place=Place("30001"))
        here = Place("29401", "thon-dong", "loa-dong")
        commune.means = {"a-1": (here, Place("30001", "", "loa-xa"))}
        row = {column.name: "" for column in alerts.columns} | {"proved": 1, "level": 3, "body": b""}
        for id_, title in (("a-1", "Lũ quét"), ("a-2", "Mưa lớn")):
            new = row | {"id": id_, "state": "waiting", "title": title}
            await commune.store.call(lambda c, new=new: c.execute(alerts.insert().values(new)).rowcount)
        await commune()
        assert ["Lũ quét" in there.bodies[0] for there in (web, west, other)] == [True, False, True]
        assert all("Mưa lớn" in there.bodies[0] for there in (web, west, other))
        await commune.store.call(lambda c: c.execute(alerts.update().values(state="dismissed")).rowcount)
        await commune(140)
        assert ["Lũ quét" in there.bodies[1] for there in (web, west, other)] == [True, False, True]


async def test_a_thousand_faults_are_a_handful_of_messages(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    for village in range(10):
        commune.node(f"dong-{village}", f"Thôn {village}", things=100)
    for number in range(100):
        for village in range(10):
            commune.lamp(f"dong-{village}", number, broken=True)
    await commune(600)
    assert len(web.got) == 1 and "100 đèn" in web.got[0]["title"] and "Và 600 việc khác" in web.bodies[0]
    assert len(web.bodies[0]) < 4096, "a messenger takes it whole"
    for number in range(100):
        for village in range(10):
            commune.lamp(f"dong-{village}", number, broken=number % 2 == 0)
    await commune(600)
    assert len(web.got) == 2 and "50 đèn" in web.got[1]["title"]


async def test_a_node_that_was_taken_away_for_good_is_no_good_news(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=1)
    commune.lamp("dong", 0, broken=True)
    await commune(140)
    topics = NodeTopics("29401", "dong")
    for topic in (topics.status, topics.about, topics.state("light", "den-0")):
        assert commune.registry.apply(decode(topic, b"", retained=False))
    await commune(300)
    assert len(web.got) == 1
    assert await commune.store.read(lambda c: c.execute(sa.select(told)).all()) == []


async def test_no_more_than_so_many_in_an_hour_and_the_rest_in_one(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=30)
    for number in range(25):  # every two minutes another one: 50 minutes
        commune.lamp("dong", number, broken=True)
        await commune(120)
    assert len(web.got) == 12
    await commune(3600)
    assert all(row["message"] for row in await commune.rows(items))
    assert len(web.got) == 13 and "13 đèn" in web.got[12]["title"]


async def test_each_channel_hears_of_its_place_and_its_rules(commune: Commune, web: Hook) -> None:
    async with hook() as west, hook() as silent, mail() as post:
        await commune.channel(west.url, place=Place("29401", "thon-tay"))
        await commune.channel(silent.url, rules=frozenset({Rule.SILENT}))
        to = f"mailto://127.0.0.1:{post.port}?from=loa@xa.example&to=truc@xa.example,phu@xa.example"
        await commune.channel(to, place=Place("29401"))
        commune.node("dong", things=1)
        commune.node("tay", "Thôn Tây", things=1)
        commune.lamp("dong", 0, broken=True)
        commune.lamp("tay", 0, broken=True)
        at = commune.clock.now()
        commune.say("dong", "state", SpeakerState(id="loa", at=at, actual="idle", heard=False, title="<b>Tin</b>"))
        await commune(140)
        assert ["Trạm tay" in west.bodies[0], "Trạm dong" in west.bodies[0]] == [True, False]
        assert "không nghe thấy tiếng" in silent.got[0]["title"] and "Đèn" not in silent.bodies[0]
        assert sorted(address for to_, _ in post.got for address in to_) == ["phu@xa.example", "truc@xa.example"]
        part = post.got[0][1].get_body(("plain", "html"))
        assert part is not None
        text = part.get_content()
        assert "Trạm dong" in text and "Trạm tay" in text
        assert part.get_content_subtype() == "plain" or "<b>Tin</b>" not in text


async def test_a_node_away_is_told_in_time_and_while_the_broker_is_away_nothing_is_judged(
    commune: Commune, web: Hook
) -> None:
    await commune.channel(web.url)
    commune.node("dong", things=1)
    commune.lamp("dong", 0, broken=True)
    await commune(140)
    commune.away("dong")
    await commune(540)
    assert len(web.got) == 1, "its lamp is not well again, only unknown, and it is not away for long"
    commune.connected = False
    await commune(560)
    assert len(web.got) == 1
    await commune(640)
    assert web.got[1]["title"] == "Xã Tân Hội: Trung tâm mất kết nối với mọi nút"
    assert len(web.got) == 2 and "Máy chủ truyền tin" in web.bodies[1]
    commune.connected = True
    await commune(140)
    assert "1 nút mất kết nối" in web.bodies[2] and "Trung tâm đã nối lại được" in web.bodies[2]
    commune.node("dong", things=1)
    await commune(200)
    assert "có kết nối trở lại" in web.got[3]["title"] and "Đèn số 0" not in web.bodies[3]


async def test_a_bulletin_that_is_not_ready_is_told_before_its_time(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong")
    next_ = commune.clock.now() + timedelta(minutes=30)
    state = BulletinState(id="tin", at=commune.clock.now(), actual="preparing", title="Tin sáng", next=next_)
    commune.say("dong", "state", state)
    await commune(800)
    assert web.got == []
    await commune(240)
    assert "sắp phát mà chưa sẵn sàng" in web.got[0]["title"]
    assert "Tin sáng" in web.bodies[0] and "1 trên 1 nơi chưa có đủ" in web.bodies[0]
    await commune(1200)
    assert len(web.got) == 1, "its time is over: that is no good news"


async def test_motion_counts_at_night_only_and_what_was_missed_always(commune: Commune, web: Hook) -> None:
    await commune.channel(web.url)
    commune.node("dong")
    news = News(Night(), ZONE, commune.clock)

    async def happens(type_: str, about: str, **data: Any) -> None:
        event = Event(seq=1, at=commune.clock.now(), type=type_, about=about, data=data)
        await commune.store.call(lambda c: news.note(c, "29401/dong", 1, event))

    await happens("motion", "camera/cong", begin="2026-11-22T03:00:00Z")
    await commune(140)
    assert web.got == []
    commune.clock.forward(hours=13)
    for _ in range(3):
        await happens("motion", "camera/cong")
    await happens("motion", "camera/cong", end="2026-11-22T16:00:00Z")
    await happens("aired", "speaker/loa", state="missed", title="Tin tối")
    await happens("aired", "speaker/loa", state="aired", title="Tin trưa")
    late = Event(seq=9, at=commune.clock.now() - timedelta(hours=2), type="motion", about="camera/cong")
    await commune.store.call(lambda c: news.note(c, "29401/dong", 1, late))
    await commune(140)
    (one,) = web.got
    assert "3 lần" in one["message"] and "Tin tối" in one["message"] and "Tin trưa" not in one["message"]


async def test_a_message_that_never_goes_out_is_given_up_and_the_next_one_goes(commune: Commune, web: Hook) -> None:
    channel = await commune.channel(web.url)
    now = commune.clock.now()
    await commune.store.call(lambda c: outbox.put(c, channel, "Cũ", "x", now, urgent=False, things=1))
    await commune.store.call(lambda c: outbox.put(c, channel, "Mới", "y", now, urgent=False, things=1))
    web.status = 400
    await commune.engine.send()
    commune.clock.forward(hours=49)
    await commune.engine.send()
    assert [row["state"] for row in await commune.rows(messages)] == ["given_up", "waiting"]
    web.status = 200
    await commune.engine.send()
    assert [one["title"] for one in web.got] == ["Mới"]


@pytest.mark.parametrize(
    ("there", "begin", "end", "inside"),
    [
        (time(23), time(22), time(6), True),
        (time(5, 59), time(22), time(6), True),
        (time(6), time(22), time(6), False),
        (time(12), time(22), time(6), False),
        (time(12), time(11), time(13), True),
        (time(12), time(12), time(12), False),
    ],
)
def test_hours_may_go_over_midnight(there: time, begin: time, end: time, inside: bool) -> None:
    assert within(there, begin, end) is inside


def test_the_start_is_ten_in_the_morning_there() -> None:
    assert datetime(2026, 11, 22, 3, tzinfo=UTC).astimezone(ZONE).hour == 10
