"""The stop of the pipeline: handlers finish together, within one patience."""

from functools import partial

import trio

from actors.terminator import Terminator
from tests.trio.queues.consumer_bench import Recorder, open_house


async def stop(house, *handlers: Recorder, patience: float) -> float:
    """Stop while each handler has an entry in hand; return how long the terminator took."""
    await house.put(*"abcdefgh")
    await house.start_all(*handlers)
    life = await house.start(Terminator([house.consumer], patience).run)
    await trio.sleep(1)
    began = trio.current_time()
    life.ask_to_stop()
    await life.ended.wait()
    return trio.current_time() - began


async def test_all_handlers_finish_together(autojump_clock) -> None:
    """Each finishes the entry in hand and takes no other: as long as the slowest, not as all."""
    handlers = [Recorder(partial(trio.sleep, seconds)) for seconds in (5, 8, 8)]
    async with open_house(prefetch=8) as house:
        elapsed = await stop(house, *handlers, patience=10)

    assert elapsed == 7
    assert [len(handler.handled) for handler in handlers] == [1, 1, 1]


async def test_a_handler_that_does_not_finish_is_not_waited_for(autojump_clock) -> None:
    """The patience is limited; what is left the supervisor cancels, and it is given back."""
    handler = Recorder(partial(trio.sleep, 1000))
    async with open_house() as house:
        elapsed = await stop(house, handler, patience=10)

    assert elapsed == 10
    assert handler.handled == []


async def test_a_pipeline_that_starts_again_hands_out_again(autojump_clock) -> None:
    """The next incarnation opens what the last one closed."""
    handler = Recorder()
    async with open_house() as house:
        await house.start_all(handler)
        house.consumer.close()
        await house.start(Terminator([house.consumer], 10).run)
        await house.put("a")
        await house.wait_settled()

    assert handler.handled == ["a"]
