"""The proof of what did not go to its end: cut off with the node itself, or never heard at all."""

from collections.abc import Iterable

from edge_agent.broadcast.station import Station
from edge_agent.contract.airings import Airing
from edge_agent.contract.commands import Command, Speak, StartLive
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.recorder import Recorder
from edge_agent.store.journal import Unfinished


def tell_cut_off(unfinished: Iterable[Unfinished], station: Station, recorder: Recorder) -> None:
    """Record what was on air when the node stopped: sentences and live voices. Emergencies and bulletins go on."""
    for left in unfinished:
        args = left.command.args
        emergency = isinstance(args, Speak) and args.class_ == "emergency"
        if left.begun and not emergency:
            tell_unheard(left.command, Fault.of("speaker.cut_off"), station, recorder, state="partly")


def tell_unheard(asked: Command, fault: Fault, station: Station, recorder: Recorder, state: str = "missed") -> None:
    """Record that a sentence or a live voice was not heard, or nobody knows how much of it, and why."""
    args = asked.args
    if not isinstance(args, Speak | StartLive):
        return
    try:
        speaker = station.speaker(args.speaker)
    except Refusal:  # it was taken out of the configuration meanwhile
        speaker = args.speaker or "-"
    airing = Airing.model_validate(
        {
            "id": asked.id if isinstance(args, Speak) else args.session,
            "speaker": speaker,
            "title": (args.text if isinstance(args, Speak) else args.title or args.session)[:200].strip(),
            "class": args.class_,
            "authority": args.authority,
            "state": state,
            "planned": args.at if isinstance(args, Speak) else args.epoch,
            "code": fault.code,
            "params": fault.params,
            "reason": fault.en,
            "by": asked.by,
        }
    )
    recorder.event("aired", f"speaker/{speaker}", **airing.data())
