"""The listening process: `python -m edge_agent.proof.worker`. JSON lines in on stdin, JSON lines out on stdout.

It carries numpy, so that the agent does not. Each request `{"do": ..., ...}` gets one answer: `{"done": ...}` or
`{"error": {"code", "detail", "retry"}}`. It ends when its standard input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivers.contract import DriverFault
from edge_agent.proof import idle, sweep
from edge_agent.proof import match as matching
from edge_agent.proof.model import Played, ProofError, Take


def main() -> None:
    """Serve requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    with contextlib.suppress(OSError):
        os.nice(10)  # sound that is played goes before sound that was heard
    for line in sys.stdin:
        try:
            answers.write(json.dumps(_answer(json.loads(line))) + "\n")
            answers.flush()
        except BrokenPipeError:
            break


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": _do(request)}
    except (ProofError, DriverFault) as fault:
        return _error(fault.code, fault.detail, fault.retry)
    except OSError as error:
        return _error("proof.failed", str(error), True)
    except Exception as error:  # noqa: BLE001 - edge of the process: whoever asked has to hear of it
        traceback.print_exc()
        return _error("proof.failed", repr(error)[:300], False)


def _do(request: dict[str, Any]) -> Any:
    match request["do"]:
        case "heard":
            takes = [Take(Path(each["path"]), each["offset_s"]) for each in request["takes"]]
            return asdict(matching.heard(takes, [_piece(each) for each in request["played"]]))
        case "sounds":
            return asdict(idle.sounds(Path(request["recording"])))
        case "sweep":
            return sweep.make_sweep(Path(request["path"]))
        case "response":
            return asdict(sweep.analyse(Path(request["recording"]), request["offset_s"]))
        case unknown:
            raise ProofError("proof.failed", f"cannot do {unknown!r}")


def _piece(plain: dict[str, Any]) -> Played:
    return Played(None if plain["path"] is None else Path(plain["path"]), plain["seconds"])


def _error(code: str, detail: str, retry: bool) -> dict[str, Any]:
    return {"error": {"code": code, "detail": detail, "retry": retry}}


if __name__ == "__main__":
    main()
