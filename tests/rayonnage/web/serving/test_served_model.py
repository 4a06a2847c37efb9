"""The model that many requests share, on the demo's real run."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rayonnage
from catalog.catalog import Catalog
from catalog.probabilities import Silence
from catalog.runs.workspace import Workspace
from fusion.model import Model
from fusion.prediction.answers import Answer
from fusion.prediction.stages import BegunPrediction, StagedPrediction
from ocr.expert import TextBranch
from rayonnage.web.serving.answering import Answering
from rayonnage.web.serving.asked_product import AskedProduct
from rayonnage.web.serving.loaded_model import LoadedModel
from rayonnage.web.serving.prediction_service import TookTooLong
from rayonnage.web.serving.served_model import NotReady, ServedModel, ServingState
from rayonnage.web.settings import RequestLimits, ServerSettings


@pytest.fixture(scope="module")
def runs(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one's own, in which everything was read already once `alone` was asked."""
    return Path(shutil.copytree(demo / "demo" / "runs", tmp_path_factory.mktemp("served") / "runs"))


@pytest.fixture(scope="module")
def model(runs: Path) -> Iterator[Model]:
    with rayonnage.load(runs) as model:
        yield model


@pytest.fixture(scope="module")
def products(demo: Path) -> list[AskedProduct]:
    catalog = Catalog(demo / "demo" / "catalogue" / "test.bson")
    return [AskedProduct(one.images, one.title, one.description) for one in catalog.take(range(30))]


@pytest.fixture(scope="module")
def alone(model: Model, products: list[AskedProduct]) -> list[Answer]:
    """What `Model.predict` says of each by itself."""
    return [model.predict([{"photos": list(one.photos), "title": one.title}])[0] for one in products]


def served_by(model: Model, runs: Path, **limits: float) -> ServedModel:
    """One that is not loaded anew for each test."""
    served = ServedModel(ServerSettings(runs, limits=RequestLimits(**limits)))
    served.loaded = LoadedModel(model, Workspace(runs).require("fusion").folder)
    return served


def require_same(answer: Answer, alone: Answer) -> None:
    assert (answer.decision, answer.given, answer.reason) == (alone.decision, alone.given, alone.reason)
    assert [one.category_id for one in answer.candidates] == [one.category_id for one in alone.candidates]
    assert answer.text_read == alone.text_read
    near = pytest.approx([one.probability for one in alone.candidates], abs=1e-5)
    assert [one.probability for one in answer.candidates] == near


@pytest.mark.parametrize("seed", range(3))
def test_interleaved_requests_get_what_the_model_says_alone(model, runs, products, alone, seed):
    rng = np.random.default_rng(seed)

    async def client(served: ServedModel, rows: list[int], pause: float, gives_up: bool) -> None:
        await asyncio.sleep(pause)
        asking = asyncio.create_task(served.answers([products[row] for row in rows]))
        if gives_up:
            await asyncio.sleep(pause / 4)
            asking.cancel()
            return
        for position, (row, answer) in enumerate(zip(rows, await asking, strict=True)):
            assert answer.product_id == position
            require_same(answer, alone[row])

    async def run() -> None:
        served = served_by(model, runs)
        await asyncio.gather(*(
            client(served, rng.integers(0, 30, rng.integers(1, 9)).tolist(), rng.random() / 2, rng.random() < 0.2)
            for _ in range(30)
        ))  # fmt: skip
        served.service.close()

    asyncio.run(run())


def test_equal_requests_under_way_are_worked_out_once(model, runs, products, alone, monkeypatch):
    asked: list[int] = []
    staged = StagedPrediction.of

    def noted(predictor, some, recent):
        asked.append(len(some))
        time.sleep(0.1)
        return staged(predictor, some, recent)

    monkeypatch.setattr(StagedPrediction, "of", noted)

    async def run() -> None:
        served = served_by(model, runs)
        equal = [asyncio.create_task(served.served([products[0]], top)) for top in (None, 2, 4, 6)]
        await asyncio.sleep(0.02)
        # who came first goes, and the others are answered still
        equal[0].cancel()
        answers = [one for [one] in await asyncio.gather(*equal[1:])]
        assert [len(one.answer.candidates) for one in answers] == [2, 4, 6]
        assert not any(one.is_cached for one in answers)
        [again] = await served.served([products[0]])
        assert again.is_cached
        require_same(again.answer, alone[0])
        assert asked == [1]
        # twice in one request
        twice = await served.served([products[1], products[1]])
        assert [one.answer.product_id for one in twice] == [0, 1]
        assert asked == [1, 1]
        served.service.close()

    asyncio.run(run())


def routed(alone: list[Answer]) -> list[int]:
    """What is read at all is the trained model's choice."""
    return [n for n, one in enumerate(alone) if all(each.silence is not Silence.NOT_ROUTED for each in one.silent)]


def test_a_reader_that_hangs_holds_up_its_own_product_alone(model, runs, products, alone, monkeypatch):
    fetch, goes_on = TextBranch.fetch, threading.Event()
    photos = {products[n].photos for n in routed(alone)[:2]}
    hung = [n for n, one in enumerate(products) if one.photos in photos]
    assert hung

    def hanging(self, some, wanted, md5s=None):
        if any(one.images in photos for one in some):
            assert goes_on.wait(300)
        return fetch(self, some, wanted, md5s)

    monkeypatch.setattr(TextBranch, "fetch", hanging)

    async def run() -> None:
        served = served_by(model, runs)
        asking = [asyncio.create_task(served.answers([one])) for one in products]
        await asyncio.gather(*(one for n, one in enumerate(asking) if n not in hung))
        assert [n for n, one in enumerate(asking) if not one.done()] == hung
        goes_on.set()
        for [answer], one in zip(await asyncio.gather(*asking), alone, strict=True):
            require_same(answer, one)
        served.service.close()

    asyncio.run(run())


class ReadTogether:
    """Four products that have been read at the same moment; notes how many were concluded together each time."""

    def __init__(self, products: list[AskedProduct], alone: list[Answer], monkeypatch: pytest.MonkeyPatch) -> None:
        distinct = {products[n].photos: n for n in routed(alone)}
        self.rows = list(distinct.values())[:4]
        assert len(self.rows) == 4
        self.asked, self.alone = [products[n] for n in self.rows], [alone[n] for n in self.rows]
        self.sizes: list[int] = []
        # the fifth is the test
        self.all_read = threading.Barrier(5, timeout=300)
        fetch, concluded = BegunPrediction.fetch, Answering._concluded

        def fetched(begun: BegunPrediction) -> BegunPrediction:
            whole = fetch(begun)
            self.all_read.wait()
            return whole

        def noted(answering, read):
            self.sizes.append(len(read))
            return concluded(answering, read)

        monkeypatch.setattr(BegunPrediction, "fetch", fetched)
        monkeypatch.setattr(Answering, "_concluded", noted)

    async def answers(self, served: ServedModel, gone: int = 0) -> list[list[Answer] | BaseException]:
        """Of those that do not go while they are read."""
        asking = [asyncio.create_task(served.answers([one])) for one in self.asked]
        while self.all_read.n_waiting < 4:
            await asyncio.sleep(0.01)
        for one in asking[:gone]:
            one.cancel()
        await asyncio.gather(*asking[:gone], return_exceptions=True)
        await asyncio.to_thread(self.all_read.wait)
        return await asyncio.gather(*asking[gone:], return_exceptions=True)


@pytest.mark.parametrize("gone", [0, 2])
def test_what_has_been_read_is_concluded_together_but_for_those_whom_nobody_waits_for(
    model, runs, products, alone, monkeypatch, gone
):
    together = ReadTogether(products, alone, monkeypatch)

    async def run() -> None:
        served = served_by(model, runs)
        for [answer], one in zip(await together.answers(served, gone), together.alone[gone:], strict=True):
            require_same(answer, one)
            assert answer.boxes == one.boxes
        assert sum(together.sizes) == 4 - gone
        assert gone or len(together.sizes) < 4
        served.service.close()

    asyncio.run(run())


def test_one_that_cannot_be_concluded_fails_by_itself(model, runs, products, alone, monkeypatch):
    together = ReadTogether(products, alone, monkeypatch)
    predict = TextBranch.predict

    def failing(self, some, readings):
        if any(one.images == together.asked[1].photos for one in some):
            raise RuntimeError("no text")
        return predict(self, some, readings)

    monkeypatch.setattr(TextBranch, "predict", failing)

    async def run() -> None:
        served = served_by(model, runs)
        told = await together.answers(served)
        assert [type(one) for one in told] == [list, RuntimeError, list, list]
        for row in (0, 2, 3):
            require_same(told[row][0], together.alone[row])
        served.service.close()

    asyncio.run(run())


def test_no_answer_in_time(model, runs, products, monkeypatch):
    goes_on = threading.Event()
    staged = StagedPrediction.of
    monkeypatch.setattr(StagedPrediction, "of", lambda *given: goes_on.wait(300) and staged(*given))

    async def run() -> None:
        served = served_by(model, runs, seconds=0.2)
        first = asyncio.create_task(served.answers([products[0]]))
        # the first one's batch has begun
        await asyncio.sleep(0.05)
        second = asyncio.create_task(served.answers([products[1]]))
        for asking, is_begun in ((first, True), (second, False)):
            with pytest.raises(TookTooLong) as late:
                await asking
            assert late.value.is_begun == is_begun
        goes_on.set()
        served.service.close()

    asyncio.run(run())


def test_another_run_takes_its_place_and_is_taken_back(runs, products, tmp_path, monkeypatch):
    closed: list[Model] = []
    close = Model.close
    monkeypatch.setattr(Model, "close", lambda self: (closed.append(self), close(self))[1])

    async def loaded(served: ServedModel) -> None:
        while served.loading is not None:
            await asyncio.sleep(0.02)

    async def run() -> None:
        served = ServedModel(ServerSettings(runs))
        with pytest.raises(NotReady):
            served.current  # noqa: B018 - the question is what is tested
        with pytest.raises(ValueError, match="no other model"):
            served.take_back()
        served.start()
        await loaded(served)
        assert served.state is ServingState.READY
        first = served.current
        copy = Path(shutil.copytree(first.folder, tmp_path / "another"))
        asking = asyncio.create_task(served.served(products[:4]))
        served.replace(copy)
        with pytest.raises(ValueError, match="is being loaded"):
            served.replace(copy)
        await loaded(served)
        assert (served.current.folder, served.previous) == (copy, first)
        # what was under way ends on the model that it began with
        assert {one.run for one in await asking} == {first.folder.name}
        assert [one.run for one in await served.served(products[:1])] == ["another"]
        assert served.take_back() is first
        assert served.previous.folder == copy
        second = served.previous.model
        served.replace(tmp_path / "none")
        await loaded(served)
        assert "none" in served.why_not
        assert served.current is first
        # the previous one is closed with the third, the one in use when nobody uses it any more
        with served.lease() as leased:
            served.replace(copy)
            await loaded(served)
            assert closed == [second]
            served.replace(copy)
            await loaded(served)
            assert closed == [second]
        assert closed == [second, leased.model]
        served.close()

    asyncio.run(run())
