"""Cameras on loopback for tests and benches: RTSP servers of our own that misbehave when told to.

`bench.rtsp.rig.TestCamera` starts one; `bench.rtsp.camera` says which addresses it has.
"""
