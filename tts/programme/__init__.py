"""Programmes: a YAML script of segments -> one audio file and a cue sheet.

`render(load("morning.yaml"), "morning.flac")` from a Python prompt; nothing of the agent is needed.
"""

from tts.programme.check import Estimate, check
from tts.programme.cue import Cue, CueSheet
from tts.programme.load import load
from tts.programme.model import Script
from tts.programme.problems import Problem, ScriptError
from tts.programme.render import Progress, render

__all__ = ["Cue", "CueSheet", "Estimate", "Problem", "Progress", "Script", "ScriptError", "check", "load", "render"]
