"""What is a Qdrant server's own: collections, faults, ids that come with what is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from catalog.ids.shop_id import id_number
from search.qdrant import QdrantIndex, qdrant_index
from search.qdrant.found_names import FoundNames
from search.qdrant.points import row_numbers
from search.qdrant.server import IN_MEMORY, KEY, connect, faults_told
from tests.support.vectors import embeddings_of, entries_of, identity, unit_vectors


@pytest.fixture
def client() -> QdrantClient:
    return QdrantClient(location=IN_MEMORY)


def made(client: QdrantClient, ids: list[int | str], photos: list[int] | None = None) -> QdrantIndex:
    entries = entries_of(ids, photos)
    return QdrantIndex.create(
        IN_MEMORY, identity(), embeddings_of(unit_vectors(len(ids)), entries), entries, client=client
    )


def test_it_is_opened_by_whoever_has_the_address(client: QdrantClient) -> None:
    made(client, [1, "two", 3])
    index = QdrantIndex.open(IN_MEMORY, "one network", client=client)
    assert index.identity == identity()
    hits = index.search(unit_vectors(3)[1:2], 1)
    # the text comes with what was found: this one has added nothing
    assert index.ids.take(hits.product_ids[0]) == ["two"]


def test_vectors_of_another_network_are_refused(client: QdrantClient) -> None:
    made(client, [1])
    with pytest.raises(ValueError, match=r"another network .* `rayonnage search index`"):
        QdrantIndex.open(IN_MEMORY, "other", client=client)


def test_a_collection_that_is_missing_or_holds_something_else(client: QdrantClient) -> None:
    with pytest.raises(FileNotFoundError, match=r"collection rayonnage .* does not exist"):
        QdrantIndex.open(IN_MEMORY, client=client)
    client.create_collection("rayonnage", {})
    with pytest.raises(ValueError, match="holds something else"):
        QdrantIndex.open(IN_MEMORY, client=client)
    with pytest.raises(ValueError, match=r"holds something else than an index, which stays: give another name"):
        made(client, [1])
    assert client.collection_exists("rayonnage")


def test_an_earlier_collection_is_replaced(client: QdrantClient) -> None:
    made(client, [1, 2, 3])
    assert len(made(client, [4])) == 1


def test_products_are_counted_once_across_requests(client: QdrantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_index, "POINTS", 2)
    index = made(client, [1, 2, 1, 1, 2], [0, 0, 1, 2, 1])
    assert (len(index), index.n_products) == (5, 2)
    index.add(unit_vectors(3, seed=1), entries_of([3, 1, 3], [1, 0, 0]))
    assert (len(index), index.n_products) == (5, 3)


def test_a_cut_off_addition_is_completed_by_the_same_one(client: QdrantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    index = made(client, [1, 2])
    addition = unit_vectors(3, seed=1), entries_of([1, 1, 5], [0, 1, 0])
    monkeypatch.setattr(qdrant_index, "POINTS", 1)
    with monkeypatch.context() as cut_off:
        sent = []
        upsert = client.upsert

        def once(*args: object, **kwargs: object) -> object:
            if sent:
                raise UnexpectedResponse(507, "", b"No space left on device", None)  # type: ignore[arg-type]
            sent.append(1)
            return upsert(*args, **kwargs)  # type: ignore[arg-type]

        cut_off.setattr(client, "upsert", once)
        with pytest.raises(OSError, match=r"refuses .507.: No space left on device"):
            index.add(*addition)
    index.add(*addition)
    assert (len(index), index.n_products) == (4, 3)
    np.testing.assert_allclose(index.vectors(index.rows_of(1)), addition[0][:2], atol=1e-3)


def test_faults_are_sentences() -> None:
    with pytest.raises(ConnectionError, match=r"no Qdrant server answers at http://127.0.0.1:9 .* docs/search.md"):
        QdrantIndex.open("http://127.0.0.1:9")
    with pytest.raises(PermissionError, match=KEY), faults_told("http://qdrant:6333"):
        raise UnexpectedResponse(401, "", b"", None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="row 5 is not in collection rayonnage any more"):
        made(connect(IN_MEMORY), [1]).vectors(np.array([5]))


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-1, 3)), unique=True, max_size=50))
def test_every_photo_has_a_row_of_its_own(pairs: list[tuple[int, int]]) -> None:
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    rows = row_numbers(columns[:, 0], columns[:, 1])
    assert len(set(rows.tolist())) == len(pairs)
    assert (rows >= 0).all()
    np.testing.assert_array_equal(rows[::-1], row_numbers(columns[::-1, 0], columns[::-1, 1]))


def test_what_was_found_long_ago_is_forgotten() -> None:
    names = FoundNames(most=2)
    names.learn(["a", "b"])
    names.learn(["a", "c"])
    wanted = np.array([id_number(one) for one in "abc"] + [7])
    assert names.take(wanted) == ["a", id_number("b"), "c", 7]
    assert (len(names), names.name_any(wanted[1:2]), names.name_any(wanted)) == (2, False, True)
    assert names.among(wanted[:1]).take(wanted) == ["a", *wanted[1:3].tolist(), 7]
    assert sorted(names.take(names.numbers)) == ["a", "c"]
    assert names.to_bytes().tolist() == type(names).of(["a", "c"]).to_bytes().tolist()
