"""How urgent the threads of the playing process are.

Under load an ordinary process, nice -10 or not, is held up for 20 ms one time in a thousand; a SCHED_FIFO thread for
0.3 ms (measured with four busy programs on two cores). Both are hints: an ordinary account may not ask for them.
"""

import contextlib
import os

PLAYER, READER = 10, 9
_NICE = -10


def hurry(level: int) -> None:
    """Make the calling thread a real-time one, or else as nice as allowed. Children it starts are ordinary again."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(level))
