"""Does what the steps ask for, by the agent that holds the hardware."""

from base64 import b64decode

from edge_agent.acceptance import board, linkquality, sound, switched
from edge_agent.acceptance.found import Found, Progress, told
from edge_agent.acceptance.tasks import Task, Todo
from edge_agent.config.model import NodeConfig
from edge_agent.local.client import LocalAgent

_PICTURE_LIMIT_S = 30.0


class Doing:
    """`Doer` for a box. All raise AgentAway, Refusal, OSError."""

    def __init__(self, config: NodeConfig, link_s: float = linkquality.SECONDS) -> None:
        """`link_s`: how long the way to the broker is measured."""
        self._config = config
        self._agent = LocalAgent(config.storage.path)
        self._link_s = link_s

    def do(self, task: Task, todo: Todo, by: str, progress: Progress) -> Found:
        """Do one thing of a step."""
        match task.kind:
            case "speaker":
                speaker = next(each for each in self._config.speakers if each.id == task.id)
                return sound.hear(self._agent, self._config, speaker, by)
            case "light" | "switch":
                things = (*self._config.lights, *self._config.switches)
                entry = next(each for each in things if each.id == task.id)
                return switched.switch(self._agent, entry, todo.act == "on", by)
            case "camera":
                return self._picture(task.id or "")
            case "link":
                return linkquality.measure(self._agent, self._link_s, progress)
            case "clock":
                return board.clock(self._agent)
            case _:
                return board.power(self._config.storage.path)

    def leave(self, task: Task, by: str) -> None:
        """Nobody looks any more: the programme decides again."""
        if task.kind in ("light", "switch"):
            switched.release(self._agent, task.id or "", by)

    def _picture(self, camera: str) -> Found:
        answer = self._agent.ask("picture", _PICTURE_LIMIT_S, camera=camera)
        size = {"width": float(answer["width"]), "height": float(answer["height"])}
        words = told("accept.picture", width=answer["width"], height=answer["height"])
        return Found(True, words, None, size, picture=b64decode(answer["jpeg"]))
