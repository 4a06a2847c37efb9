"""Named arrays in one safetensors file: written whole or not at all, and checked against what is expected."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from catalog.files.atomic import atomic_path


class ArraySpec(NamedTuple):
    """What an array must be.

    Attributes:
        dtype: its type.
        shape: lengths of its axes; a letter stands for the same length, whichever it is, in all arrays of a file.
        finite: it holds neither NaN nor infinity.
    """

    dtype: type[np.generic]
    shape: tuple[int | str, ...]
    finite: bool = False


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays of any shape, such as `(N, k)`, as one safetensors file, atomically: the same bytes every time."""
    # safetensors writes memory as it lies: a transposed view would come back as another matrix
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, None if metadata is None else dict(metadata))
        if metadata:
            _sort_metadata(temporary)


def _sort_metadata(path: Path) -> None:
    """Safetensors writes metadata in an order of chance: two fits alike would be told apart by their files."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        # as it lay there, so that no array moves
        if len(text) <= size:
            file.seek(8)
            file.write(text.ljust(size))


def load_arrays(
    path: Path,
    expected: Mapping[str, ArraySpec],
    *,
    what: str,
    remedy: str = "",
    misfit: str = "is damaged",
    read: Collection[str] | None = None,
) -> dict[str, Any]:
    """Read what `save_arrays` wrote.

    Names, types and shapes are checked in the file's header: nothing is read into memory before they fit.

    Args:
        expected: every array of the file.
        what: what the file should hold, for people. remedy: what they can do where it does not.
        misfit: what is wrong with a file whose arrays have another type or shape.
        read: names of the arrays that are wanted now, None for all.

    Returns:
        each array that is wanted, by its name, as `expected` has it.

    Raises:
        ValueError: the file is missing or damaged, or holds other arrays.
    """
    sizes: dict[str, int] = {}
    way_out = remedy and f": {remedy}"
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if set(names) != expected.keys():
                listed = f"expected {', '.join(expected)}; it holds {', '.join(sorted(names)) or 'nothing'}"
                raise ValueError(f"{path} holds no {what} ({listed}){way_out}")
            for name, spec in expected.items():
                header = file.get_slice(name)
                code, shape = header.get_dtype(), tuple(header.get_shape())
                wanted = _bound(spec.shape, shape, sizes)
                if (code, shape) != (_code(spec.dtype), wanted):
                    raise ValueError(
                        f"{path} {misfit}: {name} is {code} {shape}, expected {_code(spec.dtype)} {wanted}{way_out}"
                    )
            arrays = {name: file.get_tensor(name) for name in (expected if read is None else read)}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} holds no {what} (missing or damaged: {error}){way_out}") from None
    for name, array in arrays.items():
        if expected[name].finite and not np.isfinite(array).all():
            raise ValueError(f"{path} is damaged: {name} holds values that are no numbers{way_out}")
    return arrays


def load_metadata(path: Path) -> dict[str, str]:
    """The texts that `save_arrays` wrote beside the arrays of a file that `load_arrays` takes."""
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})


def mapped_array(path: Path, dtype: type[np.generic], shape: tuple[int, ...] | None, remedy: str) -> NDArray[Any]:
    """A `.npy` file, memory-mapped; `shape`, such as `(N, D)`: what it must have, None: any of one axis.

    Raises:
        ValueError: it is missing, cut off, damaged, or another array; names the file, and says `remedy`.
    """
    try:
        # a pickled array would run code of whoever made the file
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, TypeError, SyntaxError, TokenError) as error:
        # NumPy parses the head as Python
        raise ValueError(f"{path} is missing, cut off or damaged ({error}): {remedy}") from None
    wanted = (array.size,) if shape is None else shape
    if array.dtype != dtype or array.shape != wanted:
        raise ValueError(
            f"{path} is damaged: expected {np.dtype(dtype)} {wanted}, got {array.dtype} {array.shape}: {remedy}"
        )
    return array


def _bound(shape: tuple[int | str, ...], lengths: tuple[int, ...], sizes: dict[str, int]) -> tuple[int | str, ...]:
    """`shape` with the lengths that its letters stand for; `sizes` learns those that it does not know yet."""
    if len(shape) != len(lengths):
        return shape
    return tuple(
        sizes.setdefault(axis, length) if isinstance(axis, str) else axis
        for axis, length in zip(shape, lengths, strict=True)
    )


def _code(dtype: type[np.generic]) -> str:
    """A type as safetensors' header names it."""
    kind, size = np.dtype(dtype).kind, np.dtype(dtype).itemsize
    return "BOOL" if kind == "b" else f"{kind.upper()}{8 * size}"
