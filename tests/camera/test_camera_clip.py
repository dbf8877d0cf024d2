"""The drawn clip: codec, length, and that something moves."""

import av
import numpy as np
import pytest
from camera_rig import FPS, GOP, run_python

from camera.clip import make_clip


def test_clip_is_what_a_camera_sends(clip):
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 180)
        assert stream.average_rate == FPS
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, 120, GOP))
    assert all(packet.pts == packet.dts for packet in packets), "no B frames"


def test_somebody_walks_and_the_clock_runs(clip):
    with av.open(str(clip)) as container:
        pictures = [picture.to_ndarray(format="gray").astype(int) for picture in container.decode(video=0)]
    change = np.abs(pictures[30] - pictures[10]) > 40
    assert change[:18, :125].any(), "the clock in the upper left corner"
    assert change[100:].sum() > 300, "the walker on the road"
    assert not change[25:50, 200:].any(), "the sky stands still"


def test_prompt(tmp_path):
    out = tmp_path / "a.mp4"
    assert (
        run_python("-m", "camera.clip", str(out), "--seconds", "1", "--width", "160", "--height", "90").returncode == 0
    )
    with av.open(str(out)) as container:
        assert container.streams.video[0].width == 160


@pytest.mark.parametrize("sizes", [{"seconds": 0}, {"width": 321}, {"height": -2}, {"fps": 0}])
def test_sizes_that_cannot_be_encoded(tmp_path, sizes):
    with pytest.raises(ValueError, match="above zero"):
        make_clip(tmp_path / "a.mp4", **sizes)
