"""Batches: who is in them, in which order, and who is not."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayonnage.web.serving.micro_batcher import SHARE, MicroBatcher, QueueFull


class Work:
    """Notes its batches; each takes until `go` is set."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, batch):
        self.batches.append([waiting.asked for waiting in batch])
        await asyncio.sleep(0)
        await self.go.wait()
        for waiting in batch:
            if not waiting.told.done():
                waiting.told.set_result(waiting.asked)


def batcher(work: Work, at_most: int = 4, most_waiting: int = 1000) -> MicroBatcher:
    return MicroBatcher(work, at_most=at_most, most_waiting=most_waiting)


async def told(arrived: list) -> list:
    return await asyncio.gather(*(waiting.told for waiting in arrived))


def test_the_first_goes_at_once_and_what_comes_meanwhile_makes_the_next_batch():
    async def run() -> Work:
        work = Work()
        work.go.clear()
        batches = batcher(work)
        arrived = batches.submit(["a"], [1])
        await asyncio.sleep(0.01)
        assert work.batches == [["a"]]
        for name, kind in (("b", 1), ("c", 2), ("d", 1)):
            arrived += batches.submit([name], [kind])
        work.go.set()
        assert await told(arrived) == ["a", "b", "c", "d"]
        return work

    assert asyncio.run(run()).batches == [["a"], ["b", "d"], ["c"]]


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=12), max_size=12), st.integers(1, 5), st.data())
def test_everybody_is_told_their_own_in_batches_of_one_kind(requests, at_most, data):
    pauses = [data.draw(st.integers(0, 3)) for _ in requests]

    async def run() -> Work:
        work = Work()
        batches = batcher(work, at_most)

        async def client(number: int, kinds: list[int]) -> None:
            for _ in range(pauses[number]):
                await asyncio.sleep(0)
            asked = [(number, position, kind) for position, kind in enumerate(kinds)]
            assert await told(batches.submit(asked, kinds)) == asked

        await asyncio.gather(*(client(number, kinds) for number, kinds in enumerate(requests)))
        assert len(batches) == 0
        return work

    batches = asyncio.run(run()).batches
    assert all(len(batch) <= at_most for batch in batches)
    assert all(len({kind for _, _, kind in batch}) == 1 for batch in batches)
    assert sum(map(len, batches)) == sum(map(len, requests))


def test_a_request_of_many_products_lets_others_pass_and_is_not_passed_for_ever():
    async def run() -> Work:
        work = Work()
        work.go.clear()
        batches = batcher(work, at_most=SHARE)
        arrived = batches.submit(["first"], [1])
        await asyncio.sleep(0.01)
        arrived += batches.submit([f"many {n}" for n in range(4 * SHARE)], [1] * 4 * SHARE)
        arrived += batches.submit(["single"], [1])
        work.go.set()
        await told(arrived)
        return work

    batches = asyncio.run(run()).batches
    assert "single" in batches[2]
    assert batches[-1][-1] == f"many {4 * SHARE - 1}"


def test_no_more_wait_than_there_is_room_for():
    async def run() -> None:
        work = Work()
        work.go.clear()
        batches = batcher(work, most_waiting=3)
        arrived = batches.submit(["a", "b"], [1, 1])
        with pytest.raises(QueueFull) as refused:
            batches.submit(["c", "d"], [1, 1])
        assert refused.value.retry_after >= 1
        arrived += batches.submit(["c"], [1])
        work.go.set()
        assert await told(arrived) == ["a", "b", "c"]
        await asyncio.sleep(0)
        assert await told(batches.submit(["d", "e", "f"], [1] * 3)) == ["d", "e", "f"]

    asyncio.run(run())


def test_who_is_cancelled_leaves_the_queue():
    async def run() -> Work:
        work = Work()
        work.go.clear()
        batches = batcher(work)
        [first] = batches.submit(["a"], [1])
        await asyncio.sleep(0.01)
        [gone], [stays] = batches.submit(["b"], [1]), batches.submit(["c"], [1])
        gone.told.cancel()
        work.go.set()
        await told([first, stays])
        [last] = batches.submit(["d"], [1])
        last.told.cancel()
        await asyncio.sleep(0.01)
        assert await told(batches.submit(["e"], [1])) == ["e"]
        return work

    assert asyncio.run(run()).batches == [["a"], ["c"], ["e"]]


def test_work_that_fails_is_told_to_its_own_batch_alone():
    async def run() -> None:
        async def work(batch):
            if batch[0].asked == "bad":
                raise RuntimeError("no")
            for waiting in batch:
                waiting.told.set_result(waiting.asked)

        batches = MicroBatcher(work, at_most=1, most_waiting=10)
        bad, good = batches.submit(["bad", "good"], [1, 1])
        with pytest.raises(RuntimeError):
            await bad.told
        assert await good.told == "good"

    asyncio.run(run())


@pytest.mark.parametrize("patience_s", [0.0, 60.0])
def test_where_there_is_no_haste_a_batch_fills_and_once_there_is_it_goes(patience_s):
    async def run() -> None:
        work, patience = Work(), [patience_s]
        batches = MicroBatcher(work, at_most=3, most_waiting=100, patience_s=lambda: patience[0])
        arrived = []
        for name in "abcd":
            arrived += batches.submit([name], [1])
            await asyncio.sleep(0.01)
        if not patience_s:
            assert work.batches == [["a"], ["b"], ["c"], ["d"]]
            return
        assert work.batches == [["a", "b", "c"]]
        # who is gone fills no batch, and nobody waits for a batch of nobody
        arrived[3].told.cancel()
        arrived += batches.submit(["e"], [1])
        await asyncio.sleep(0.01)
        assert work.batches == [["a", "b", "c"]]
        patience[0] = 0.0
        arrived += batches.submit(["f"], [1])
        assert await told([arrived[4], arrived[5]]) == ["e", "f"]
        assert work.batches == [["a", "b", "c"], ["e", "f"]]

    asyncio.run(run())


def test_who_waits_for_others_in_vain_is_worked_on_when_patience_ends():
    async def run() -> None:
        batches = MicroBatcher(Work(), at_most=3, most_waiting=100, patience_s=lambda: 0.05)
        assert await asyncio.wait_for(batches.submit(["a"], [1])[0].told, 300) == "a"
        # closed while it waits
        [gone] = batches.submit(["b"], [1])
        await batches.close()
        assert gone.told.cancelled()

    asyncio.run(run())
