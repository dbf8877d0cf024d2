"""Devices on a Modbus: relay boards, dimmers, meters and sensors on one serial line or behind one TCP address.

A device is described by a map of its registers, a YAML file; some are shipped in `maps/`. The parts: `points` (what
a map may say), `mapfile` (reading one), `decode` (registers to values and back), `blocks` (which registers are asked
for together), `ear` (which answer belongs to a question), `wire` (one question at a time on the line), `bus` (whose
turn it is), `driver` (the driver).
"""
