"""Each product goes to its count's network; whatever is missing has a fallback or a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from catalog import recent_rows
from catalog.chunk import Chunk
from catalog.probabilities import Silence
from catalog.product import Product
from catalog.recent_rows import RecentRows
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.inference.expert import MosaicExpert
from mosaic.networks.deployed import deployed
from mosaic.networks.network import MosaicNetwork
from mosaic.views import View
from tests.support.products import make_photo

CONFIG = load_config(MosaicConfig, "mosaic", "debug")


def network(seed: int, support=(0, 2, 3)) -> MosaicNetwork:
    torch.manual_seed(seed)
    made = MosaicNetwork(CONFIG.backbone, np.array(support), np.full(len(support), 1 / len(support)))
    with torch.no_grad():
        made.head.weight.normal_()
    return made


def expert(networks: dict[int | View, MosaicNetwork], config: MosaicConfig = CONFIG) -> MosaicExpert:
    """Networks by image count (0: general), or by view."""
    views = {key if isinstance(key, View) else View(key): net for key, net in networks.items()}
    return of_networks(views, config, dict.fromkeys(views, 3))


def of_networks(networks: dict[View, MosaicNetwork], config: MosaicConfig, k: dict[View, int]) -> MosaicExpert:
    ready = {view: deployed(net, config.inference, config.photo_size) for view, net in networks.items()}
    return MosaicExpert("mosaic", ready, config, k=k, taxonomy="tree")


def product(i: int, n: int) -> Product:
    return Product(i, tuple(make_photo(10 * i + k, (32, 32), "PNG") for k in range(n)))


def predict(chosen: MosaicExpert, products: list[Product], recent: RecentRows | None = None):
    return chosen.predict(Chunk.of(products, 32, recent=recent)).probabilities


def dense(probabilities, n_leaves: int = 5) -> np.ndarray:
    return probabilities.dense(np.arange(len(probabilities)), n_leaves)


def by_hand(net: MosaicNetwork, pictures: list[np.ndarray]) -> np.ndarray:
    strip = torch.from_numpy(np.concatenate(pictures, axis=1)[None])
    with torch.inference_mode():
        return net.eval()(strip).softmax(1).numpy()[0]


def test_specialist_then_general():
    products = [product(1, 1), product(2, 2), product(3, 3)]
    photos = Chunk.of(products, 32)
    nets = {0: network(0), 2: network(2)}
    rows = dense(predict(expert(nets), products))
    for row, key in ((0, 0), (1, 2), (2, 0)):
        pictures = [photos.pictures[m] for m in photos.readable[row]]
        np.testing.assert_allclose(rows[row, [0, 2, 3]], by_hand(nets[key], pictures), atol=1e-5)


def test_without_a_network_for_the_count_single_photo_passes_are_averaged():
    products = [product(3, 3)]
    photos = Chunk.of(products, 32)
    net = network(1)
    rows = dense(predict(expert({1: net}), products))
    singles = [by_hand(net, [photos.pictures[m]]) for m in photos.readable[0]]
    np.testing.assert_allclose(rows[0, [0, 2, 3]], np.mean(singles, axis=0), atol=1e-5)


def test_silence_has_a_reason_and_k_of_n_counts_as_k():
    good = product(1, 1).images[0]
    products = [Product(1, (b"bad", good)), Product(2, (b"bad",)), Product(3, ()), product(4, 3)]
    probabilities = predict(expert({1: network(1), 2: network(2)}), products)
    assert probabilities.n_images.tolist() == [1, 0, 0, 3]
    assert probabilities.silence.tolist() == [0, Silence.UNREADABLE, Silence.UNREADABLE, 0]
    assert predict(expert({2: network(2)}), products).silence.tolist() == [
        Silence.NO_NETWORK, Silence.UNREADABLE, Silence.UNREADABLE, Silence.NO_NETWORK,
    ]  # fmt: skip
    alone = predict(expert({1: network(1), 2: network(2)}), [Product(9, (good,))])
    np.testing.assert_allclose(dense(probabilities.select(np.array([0]))), dense(alone), atol=1e-6)
    with pytest.raises(ValueError, match="no network"):
        expert({})


def test_equal_strips_are_computed_once_also_across_chunks():
    shown = []
    chosen, recent = expert({0: network(0)}), RecentRows()
    way = chosen.networks[View()]
    counting = lambda mosaics: shown.append(len(mosaics)) or way.backend(mosaics)  # noqa: E731
    chosen.networks[View()] = replace(way, backend=counting)
    same = product(1, 2).images
    first = predict(chosen, [Product(i, same) for i in range(6)], recent)
    assert sum(shown) == 1
    predict(chosen, [Product(7, same), product(8, 1)], recent)
    assert sum(shown) == 2
    # another expert of the same name shares nothing with it
    other = predict(expert({0: network(5)}), [Product(9, same)], recent)
    assert not np.allclose(dense(other), dense(first)[:1])
    assert len(np.unique(dense(first), axis=0)) == 1


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_chunking():
    products = [product(i, 1 + i % 4) for i in range(11)]
    # networks that know other leaves, and keep fewer of them than they know
    nets = {View(): network(0, (0, 1, 2, 3)), View(1): network(1), View(3): network(3, (0, 2, 4))}
    whole = dense(predict(of_networks(nets, CONFIG, dict.fromkeys(nets, 2)), products))
    for size in (1, 4):
        chosen = of_networks(nets, CONFIG, dict.fromkeys(nets, 2))
        pieces = [dense(predict(chosen, products[i : i + size])) for i in range(0, 11, size)]
        np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_flipping_averages_each_photo_mirrored_in_its_place():
    flip = CONFIG.model_copy(update={"inference": CONFIG.inference.model_copy(update={"flip": True})})
    products = [product(1, 2)]
    photos = Chunk.of(products, 32)
    pictures = [photos.pictures[m] for m in photos.readable[0]]
    net = network(0)
    expected = (by_hand(net, pictures) + by_hand(net, [p[:, ::-1] for p in pictures])) / 2
    np.testing.assert_allclose(dense(predict(expert({0: net}, flip), products))[0, [0, 2, 3]], expected, atol=1e-5)


def test_an_empty_chunk_gives_no_rows():
    assert len(predict(expert({0: network(0)}), [])) == 0


def test_a_product_without_a_photo_does_not_widen_the_rows_of_the_others():
    """Rows of a chunk share one k: with every leaf kept, 200,000 products of 5270 leaves would fill 8 GB."""
    net = network(0, tuple(range(40)))
    chosen = of_networks({View(): net}, CONFIG, {View(): 5})
    probabilities = predict(chosen, [product(1, 1), Product(2, ()), product(3, 2)])
    assert probabilities.leaves.shape == (3, 5)
    assert probabilities.silence.tolist() == [0, Silence.UNREADABLE, 0]
    assert predict(chosen, [Product(2, ())]).speaks.tolist() == [False]
    alone = predict(chosen, [product(1, 1)])
    np.testing.assert_allclose(dense(probabilities.select(np.array([0])), 40), dense(alone, 40), atol=1e-6)


def test_the_cache_of_recent_strips_stays_small_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(recent_rows, "CACHE_BYTES", 2 * (4 * 3 + recent_rows.ENTRY_BYTES))
    products = [product(i, 1 + i % 2) for i in range(6)]
    small, recent = expert({0: network(0)}), RecentRows()
    for _ in range(2):
        rows = dense(predict(small, products, recent))
    assert len(recent) == 2
    monkeypatch.undo()
    np.testing.assert_allclose(rows, dense(predict(expert({0: network(0)}), products)), atol=1e-5)


def test_rows_keep_the_order_of_products_and_name_their_photos():
    products = [product(5, 3), Product(4, ()), product(3, 1), product(9, 2)]
    photos = Chunk.of([*products, Product(7, (b"bad", products[0].images[0], b""))], 32)
    assert photos.n_readable.tolist() == [3, 0, 1, 2, 1]
    assert [(p.product_id, p.photo) for p in photos.problems] == [(7, 0), (7, 2)]
    assert len(photos.pictures) == 6
    probabilities = predict(expert({0: network(0), 1: network(1)}), products)
    assert probabilities.product_ids.tolist() == [5, 4, 3, 9]
    assert probabilities.n_images.tolist() == [3, 0, 1, 2]
    assert probabilities.support.tolist() == [0, 2, 3]


def test_networks_of_one_photo_per_pass_each_see_their_own():
    """First and other photos by their own networks, with supports that differ; the mean written down the slow way."""
    nets = {View(0, "first"): network(0), View(0, "rest"): network(1, (0, 1, 3))}
    products = [product(1, 1), product(2, 3)]
    photos = Chunk.of(products, 32)
    rows = dense(predict(expert(nets), products))
    for row in range(2):
        singles = []
        for rank, md5 in enumerate(photos.readable[row]):
            leaves, net = ([0, 2, 3], network(0)) if rank == 0 else ([0, 1, 3], network(1, (0, 1, 3)))
            singles.append(np.zeros(5))
            singles[-1][leaves] = by_hand(net, [photos.pictures[md5]])
        np.testing.assert_allclose(rows[row], np.mean(singles, axis=0), atol=1e-5)


def test_the_network_of_count_and_rank_goes_before_the_one_for_any_photo():
    nets = {View(0, "any"): network(0), View(2, "1"): network(1)}
    products = [product(2, 2)]
    photos = Chunk.of(products, 32)
    first, second = ([photos.pictures[md5]] for md5 in photos.readable[0])
    expected = (by_hand(network(1), first) + by_hand(network(0), second)) / 2
    np.testing.assert_allclose(dense(predict(expert(nets), products))[0, [0, 2, 3]], expected, atol=1e-5)
