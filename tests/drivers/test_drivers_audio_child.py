import asyncio
import logging
from types import SimpleNamespace

import pytest

from drivers.audio.child import PlayoutChild


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancel_that_comes_with_the_answer_is_not_swallowed(steps):
    child = PlayoutChild(logging.getLogger("drivers.test"), 10)
    reader = asyncio.StreamReader()
    child._process = SimpleNamespace(stdout=reader, returncode=None)
    task = asyncio.create_task(child.answer(5))
    await asyncio.sleep(0.01)
    reader.feed_data(b'{"event": "progress"}\n')
    for _ in range(steps):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is not was_done


async def test_no_answer_in_time_is_a_timeout():
    child = PlayoutChild(logging.getLogger("drivers.test"), 10)
    child._process = SimpleNamespace(stdout=asyncio.StreamReader(), returncode=None)
    with pytest.raises(TimeoutError):
        await child.answer(0.01)


async def test_killing_and_closing_what_never_ran_is_nothing():
    child = PlayoutChild(logging.getLogger("drivers.test"), 10)
    await child.kill()
    await child.close()
    assert child.pid is None
    assert child.said() == ""
