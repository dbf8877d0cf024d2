"""How urgent the threads of the playing process are.

Under load an ordinary process, nice -10 or not, is held up for 20 ms one time in a thousand; a SCHED_FIFO thread for
0.3 ms (measured with four busy programs on two cores). Both are hints: an ordinary account may not ask for them.

systemd allows a real-time thread only so much work without a rest (LimitRTTIME=500ms:3s): at the first limit the kernel
sends SIGXCPU, at the second it ends the process. Importing numpy and opening a card can take that long on a slow Pi, so
they are done before `hurry`; and whoever still comes to the first limit goes on as an ordinary thread: a sound that may
click is better than none.
"""

import contextlib
import os
import resource
import signal
import sys
import threading
from pathlib import Path

PLAYER, READER = 10, 9
_NICE = -10
_RTTIME = 15  # RLIMIT_RTTIME of <asm-generic/resource.h>; the module `resource` has no name for it
_ORDINARY = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK  # that flag may be set by anybody, and taken back only by root


def hurry(level: int) -> None:
    """Make the calling thread a real-time one, or else as nice as allowed. Children it starts are ordinary again."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(level))


def calm() -> None:
    """Make the calling thread an ordinary one, as nice as allowed: for work that may take long without a rest."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    _make_ordinary(0)


def give_way() -> None:
    """From now on SIGXCPU makes all threads of this process ordinary ones. To be called before others are started."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXCPU})  # in all threads: one that is busy would not hear it
    threading.Thread(target=_give_way, name="playout-way", daemon=True).start()


def _give_way() -> None:
    limits = resource.getrlimit(_RTTIME)
    while True:
        signal.sigwait({signal.SIGXCPU})
        for thread in Path("/proc/self/task").iterdir():
            _make_ordinary(int(thread.name))
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(_RTTIME, limits)  # the kernel has put the first limit a second higher
        sys.stderr.write("the processor is too slow for real time: the sound goes on without\n")
        sys.stderr.flush()


def _make_ordinary(thread: int) -> None:
    with contextlib.suppress(OSError):  # it may have ended
        os.sched_setscheduler(thread, _ORDINARY, os.sched_param(0))
