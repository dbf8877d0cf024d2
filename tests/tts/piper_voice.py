"""A tiny voice file for the real Piper: each sound becomes a tone of its own."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

RATE = 22_050
SAMPLES = 1_200  # a sound: 54 ms


def symbols() -> dict[str, list[int]]:
    """Piper's three marks, then every sign that a phoneme may be written with."""
    signs = ["_", "^", "$", *(chr(code) for code in [*range(0x20, 0x5E), *range(0x60, 0x7F), *range(0xA1, 0x400)])]
    return {sign: [number] for number, sign in enumerate(dict.fromkeys([*signs, "ᵻ", "ⱱ", "ẽ", "↓", "↑"]))}


def make_voice(folder: Path, *, speakers: int = 1, level: float = 0.3, name: str = "tieng") -> Path:
    """Write `<name>.onnx` and its JSON; a tone of `level` for each sound, its pitch the sound's number."""
    phases = (2 * np.pi * 9 * np.arange(SAMPLES) / RATE).astype(np.float32).reshape(1, SAMPLES)
    envelope = (level * np.hanning(SAMPLES)).astype(np.float32).reshape(1, SAMPLES)
    constants = {
        "phases": phases,
        "envelope": envelope,
        "column": np.array([-1, 1], np.int64),
        "flat": np.array([1, 1, -1], np.int64),
        "base": np.array([15], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["ids", "column"], ["standing"]),
        helper.make_node("Add", ["standing", "base"], ["pitches"]),
        helper.make_node("Mul", ["pitches", "phases"], ["angles"]),
        helper.make_node("Sin", ["angles"], ["tones"]),
        helper.make_node("Mul", ["tones", "envelope"], ["shaped"]),
        helper.make_node("Reshape", ["shaped", "flat"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "sounds"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "samples"])],
        [onnx.numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    config = {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": "vi"},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "num_symbols": len(symbols()),
        "num_speakers": speakers,
        "phoneme_id_map": symbols(),
        "speaker_id_map": {},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    return path
