"""What all tests share."""

import os
import signal

from hypothesis import HealthCheck, settings

# generated examples may take their time on a machine that is busy with other tests
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# some tests press Ctrl+C: their programs must hear it even if a shell that started us in the background made us deaf
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# many tests kill an agent again and again, and want the whole of it every time
os.environ.setdefault("EDGE_SAFE_AFTER", "0")
