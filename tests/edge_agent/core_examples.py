"""One full and one sparse example of each message of the contract."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from edge_agent.contract import commands as c
from edge_agent.contract import health, keys, records, reports, switched, timetables, updating
from edge_agent.contract import watching as w
from edge_agent.contract.bulletins import Bulletin, Recurrence
from edge_agent.contract.capabilities import Capability, Group, SpokenVoice
from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

AT = datetime(2026, 11, 22, 5, 30, 0, 123000, tzinfo=UTC)
FAULT = Fault.of("fault.switchingErrorOff", id="cong")
SIGNER = Signer("hub-1", bytes(range(32)))


def bulletin(**changes: object) -> Bulletin:
    """A bulletin with all that one may have."""
    fields = {
        "id": "ban-tin-sang",
        "title": "Bản tin sáng",
        "text": "Kính thưa bà con",
        "class": "ordinary",
        "at": AT,
        "recurrence": {"rule": "FREQ=DAILY", "except": [AT + timedelta(days=1)]},
        "speaker": "loa-1",
        "volume": 80,
        "catch_up_s": 60,
    }
    return Bulletin.model_validate({**fields, **changes})


def args() -> list[BaseModel]:
    """One of each kind of command."""
    return [
        c.SwitchOverride(thing="cong", level=100, until=AT),
        c.SwitchRelease(thing="cong"),
        c.ResetInterlock(thing="bom-1"),
        c.ArmRule(rule="quat", armed=True),
        c.Speak(text="Xin chào", speaker="loa-1", volume=50),
        c.StopSpeaker(speaker="loa-1"),
        c.PlanBulletin(bulletin=bulletin()),
        c.CancelBulletin(bulletin="ban-tin-sang"),
        c.OrderBulletins(bulletins=("truoc", "sau")),
        c.AcknowledgeEmergency(emergency="bao-dong"),
        c.SetVolume(volume=70),
        c.TestSpeaker(calibrate=True),
        c.StartLive(session="hop", epoch=AT, key="A" * 43),
        c.StopLive(session="hop"),
        w.TakeSnapshot(camera="cong"),
        w.TakeSnapshot(camera="cong", at=AT),
        w.WatchCamera(camera="cong", stream="main", viewer="a"),
        w.ListRecordings(camera="cong", begin=AT, end=AT + timedelta(hours=1)),
        w.CutClip(camera="cong", begin=AT, end=AT + timedelta(seconds=20)),
        w.KeepRecording(camera="cong", begin=AT, end=AT + timedelta(seconds=20)),
        health.ExamineNode(),
        updating.InstallUpdate(version="0.2.0"),
        keys.UpdateKeys(number=2, keys=(keys.KeyInForce(id="hub-2", public="A" * 43),)),
        c.ResendRecords(first=1, last=9),
        c.ConfirmRecords(through=9),
        c.ReportState(),
    ]


def command(args_: BaseModel | None = None, **changes: object) -> c.Command:
    """A command."""
    fields: dict[str, object] = {
        "id": uuid7(),
        "to": "26734/thon-dong-1",
        "by": "nguyen.van.a",
        "at": AT,
        "expires": AT + timedelta(minutes=5),
        "args": args_ or c.SwitchRelease(thing="cong"),
    }
    return c.Command(**{**fields, **changes})  # type: ignore[arg-type]


def messages() -> list[BaseModel]:
    """At least one of each message model, full and sparse."""
    clock = reports.ClockReport(trusted=True, source="kernel", offset_ms=0.1, error_ms=2)
    capability = Capability(
        id="cong", kind="light", name="Đèn", unit="%", minimum=0, maximum=100, step=100, writable=True, driver="x"
    )
    thing = {"id": "cong", "at": AT}
    event = records.Event(seq=1, at=AT, type="gap", about="light/cong", data={"ranges": [[1, 2]]})
    selector = c.Selector(nodes=("thon-dong-1",), zones=("Thôn Đông",), capabilities=("light",))
    return [
        reports.Status(online=True, session="s", since=AT, version="1", clock=clock, fault=FAULT),
        reports.Status(online=False, session="s", since=AT, version="1", reason="lost"),
        reports.About(
            node="n",
            commune="26734",
            name="Đông",
            timezone="Asia/Ho_Chi_Minh",
            language="vi",
            version="1",
            zone="z",
            position=reports.Position(latitude=21, longitude=105),
            voices=("gtts",),
            speaks=(SpokenVoice(id="gtts", name="Google", engine="gtts", sends_text=True),),
            capabilities=(capability,),
            groups=(Group(id="duong", name="Đường trục", members=("cong",)),),
        ),
        reports.About(node="n", commune="26734", name="Đông", timezone="UTC", language="en", version="1"),
        switched.LightState(**thing, wanted=100, actual=0, why="override", until=AT, by="a", fault=FAULT),
        switched.LightState(**thing, wanted=100, actual=None, why="program", fault=FAULT),
        switched.LightState(
            **thing,
            wanted=100,
            actual=0,
            why="program",
            waits_until=AT,
            said=Said.of("switch.interlocked", id="cong", detail="x"),
            troubles=(switched.Trouble(type="lampFailure", since=AT, fault=FAULT),),
            usage=switched.Usage(energy_kwh=1.5, energy_by="estimated", hours_on=3, switch_ons=2),
            power_w=12.5,
        ),
        switched.SwitchState(**thing, wanted=0, why="interlock", by="can-nuoc", use="pump"),
        switched.SensorState(**thing, actual=28.5, unit="Cel", measured=AT),
        switched.SensorState(**thing, fault=FAULT),
        switched.CabinetState(**thing, door_open=True, supply=True, power_w=120, energy_kwh=9, energy_by="measured"),
        switched.RuleState(**thing, thing="quat-1", armed=True, actual="acting", since=AT, until=AT),
        reports.SpeakerState(
            **thing,
            actual="playing",
            playing="x",
            title="t",
            output="o",
            voice="v",
            last_sound="ab",
            last_spoken="chào",
            last_at=AT,
        ),
        reports.SpeakerState(**thing, actual="idle"),
        reports.CameraState(
            **thing,
            actual="streaming",
            main=reports.VideoState(codec="h264", width=1, height=1, fps=5, kbit_s=2000, gop_s=2, last_frame=AT),
            picture="good",
            moving=False,
        ),
        reports.CameraState(**thing, actual="retrying", fault=FAULT),
        reports.DriverState(**thing, actual="faulty", driver="simulated-relay", fault=FAULT),
        reports.BulletinState(
            **thing, actual="aired", title="t", next=AT, last=AT, start_error_ms=1.5, voice="espeak-ng"
        ),
        reports.BulletinState(
            **thing, actual="ready", title="t", said=Said.of("voice.instead", wanted="nu", voice="espeak-ng")
        ),
        reports.BulletinState(**thing, actual="preparing", title="t"),
        timetables.TimetableState(
            **thing,
            programmes=("toi", "off"),
            begin=AT,
            end=AT + timedelta(days=2),
            switches=(timetables.ComingSwitch(at=AT, level=40),),
            photocell=True,
        ),
        timetables.TimetableState(**thing, begin=AT, end=AT, switches=()),
        health.DoctorState(**thing, actual="examining", session="s", began=AT, part="camera cong", done=1, parts=9),
        health.DoctorState(
            **thing,
            actual="done",
            session="s",
            began=AT,
            ended=AT,
            by="Lan",
            done=1,
            parts=1,
            findings=(health.Finding(part="driver", id="relays", state="faulty", code="driver.io", vi="v", en="e"),),
        ),
        records.EventBatch(node="n", session="s", records=(event, records.Event(seq=2, at=AT, type="started"))),
        records.TelemetryBatch(node="n", session="s", records=(records.Sample(seq=3, at=AT, values={"cpu": 1.5}),)),
        c.Ack(id=uuid7(), node="n", state="failed", at=AT, fault=FAULT, repeat=True),
        c.Ack(id=uuid7(), node="n", state="done", at=AT, result={"level": 100}),
        c.SignedCommand.model_validate_json(SIGNER.sign(command().model_dump_json().encode())),
        command(selector=selector),
        *(command(each) for each in args()),
    ]


__all__ = ["AT", "FAULT", "SIGNER", "Recurrence", "args", "bulletin", "command", "messages"]
