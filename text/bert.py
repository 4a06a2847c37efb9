"""A BERT encoder of sentences as a graph of OpenVINO's, made from its safetensors file: no PyTorch is loaded for it.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2019; sentences are the mean of their tokens,
brought to length one (Reimers and Gurevych, "Sentence-BERT", 2019).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from catalog.files.cores import n_cores
from catalog.files.openvino_core import openvino_core

BATCH = 32
"""Sentences of like length that go through the network together: none is padded to much more than its own."""


class BertEncoder:
    """Texts -> vectors, on CPU; safe in threads.

    Attributes:
        width: D, numbers in a vector.

    Raises:
        FileNotFoundError, ValueError: the folder lacks a file of the model, or holds another kind of network.
    """

    def __init__(self, folder: Path) -> None:
        """`folder`: `config.json`, `model.safetensors`, `tokenizer.json` and `sentence_bert_config.json`."""
        from tokenizers import Tokenizer

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if (config["model_type"], config["hidden_act"]) != ("bert", "gelu"):
            raise ValueError(f"{folder} holds a {config['model_type']}, expected a BERT with GELU")
        self.width = int(config["hidden_size"])
        limits = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(int(limits["max_seq_length"]))
        self._tokenizer.enable_padding(pad_id=int(config["pad_token_id"]))
        # as for images: every core, and full precision, as PyTorch computes
        options = {"INFERENCE_NUM_THREADS": n_cores(), "INFERENCE_PRECISION_HINT": "f32"}
        model = _graph(load_file(folder / "model.safetensors"), config)
        self._program = openvino_core().compile_model(model, "CPU", options)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(N, D)` float32, rows of length one."""
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors = np.empty((len(texts), self.width), np.float32)
        # of this call alone: the program's own request would be shared between threads
        request = self._program.create_infer_request()
        for start in range(0, len(texts), BATCH):
            rows = by_length[start : start + BATCH]
            tokens = self._tokenizer.encode_batch([texts[row] for row in rows])
            ids = np.array([token.ids for token in tokens], np.int64)
            mask = np.array([token.attention_mask for token in tokens], np.float32)
            vectors[rows] = request.infer([ids, mask])[0]
        return vectors


def _graph(weights: dict[str, NDArray[Any]], config: dict[str, Any]) -> Any:
    """`openvino.Model`: `(B, T)` int64 tokens and `(B, T)` float32 mask -> `(B, D)` vectors of length one."""
    import openvino
    import openvino.opset13 as op

    heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
    epsilon = float(config["layer_norm_eps"])

    def constant(value: Any) -> Any:
        return op.constant(np.asarray(value))

    def dense(x: Any, name: str) -> Any:
        return op.add(op.matmul(x, constant(weights[f"{name}.weight"]), False, True), constant(weights[f"{name}.bias"]))

    def normed(x: Any, name: str) -> Any:
        x = op.mvn(x, constant([-1]), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(x, constant(weights[f"{name}.weight"])), constant(weights[f"{name}.bias"]))

    def by_head(x: Any) -> Any:
        split = op.reshape(x, constant([0, 0, heads, width // heads]), True)
        return op.transpose(split, constant([0, 2, 1, 3]))

    tokens = op.parameter([-1, -1], np.int64, "tokens")
    mask = op.parameter([-1, -1], np.float32, "mask")
    length = op.gather(op.shape_of(tokens), constant(1), constant(0))
    positions = op.range(constant(0), length, constant(1), "i64")
    x = op.add(
        op.gather(constant(weights["embeddings.word_embeddings.weight"]), tokens, constant(0)),
        op.gather(constant(weights["embeddings.position_embeddings.weight"]), positions, constant(0)),
    )
    # one sentence, so every token is of the first kind
    x = normed(op.add(x, constant(weights["embeddings.token_type_embeddings.weight"][0])), "embeddings.LayerNorm")
    # minus a great number where there is only padding
    unseen = op.multiply(op.subtract(mask, constant(np.float32(1))), constant(np.float32(1e9)))
    unseen = op.unsqueeze(unseen, constant([1, 2]))
    for number in range(int(config["num_hidden_layers"])):
        layer = f"encoder.layer.{number}"
        query, key, value = (by_head(dense(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value"))
        scores = op.divide(op.matmul(query, key, False, True), constant(np.float32(np.sqrt(width / heads))))
        attention = op.matmul(op.softmax(op.add(scores, unseen), 3), value, False, False)
        joined = op.reshape(op.transpose(attention, constant([0, 2, 1, 3])), constant([0, 0, width]), True)
        x = normed(op.add(x, dense(joined, f"{layer}.attention.output.dense")), f"{layer}.attention.output.LayerNorm")
        inner = op.gelu(dense(x, f"{layer}.intermediate.dense"), "erf")
        x = normed(op.add(x, dense(inner, f"{layer}.output.dense")), f"{layer}.output.LayerNorm")
    spread = op.unsqueeze(mask, constant([2]))
    total = op.reduce_sum(op.multiply(x, spread), constant([1]))
    mean = op.divide(total, op.reduce_sum(spread, constant([1])))
    length_of = op.sqrt(op.reduce_sum(op.multiply(mean, mean), constant([1]), True))
    return openvino.Model([op.divide(mean, length_of)], [tokens, mask], "sentences")
