"""Files that are cut off, changed or missing are named, with the way out."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from search.index import LocalIndex, snapshot
from tests.support.vectors import entries_of, made, unit_vectors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A compressed index with a segment that was added, and products that are forgotten."""
    index = made(tmp_path, unit_vectors(300), kind="compressed")
    index.add(unit_vectors(2, seed=1), entries_of([5, "MH01-gray"]))
    index.close()
    return tmp_path


FILES = [
    "index.json", "segment-000001/vectors.bin", "segment-000001/codes.bin", "segment-000001/entries.safetensors",
    "codec-000002.safetensors", "removed-000003.bin", "segment-000004/vectors.bin",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_is_named(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    # the last byte of the state is the end of a line
    for length in (0, 1, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=rf"{path.name}.*rayonnage search index"):
            LocalIndex.open(folder)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"{Path(name).name} is missing.*rayonnage search index"):
        LocalIndex.open(folder)


@pytest.mark.parametrize("name", ["index.json", *FILES[3:6]])
def test_a_bit_that_the_disk_has_flipped_is_seen(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    for place in np.linspace(0, len(content) - 2, 20).astype(int).tolist():
        content[place] ^= 4
        path.write_bytes(content)
        with pytest.raises(ValueError, match=path.name):
            LocalIndex.open(folder)
        content[place] ^= 4


@pytest.mark.parametrize("name", [FILES[1], FILES[2], FILES[6]])
def test_a_compaction_copies_no_damage(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path.name} is damaged"):
        LocalIndex.open(folder).compact()


@pytest.mark.parametrize("kind", ["exact", "compressed"])
@pytest.mark.parametrize("number", [np.inf, 100.0])
def test_a_vector_that_none_can_be_is_no_product_like_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, number: float
) -> None:
    monkeypatch.setattr(snapshot, "RARE", 0)
    vectors = unit_vectors(300)
    made(tmp_path, vectors, kind=kind).close()
    path = tmp_path / "segment-000001" / "vectors.bin"
    content = np.frombuffer(path.read_bytes(), np.float16).copy()
    content[17 * vectors.shape[1] + 3] = number
    path.write_bytes(content.tobytes())
    index = LocalIndex.open(tmp_path)
    with pytest.raises(ValueError, match=r"vectors\.bin is damaged"):
        index.search(vectors, 300)
    with pytest.raises(ValueError, match=r"vectors\.bin is damaged"):
        index.vectors(np.array([17]))


def test_rows_that_there_are_not_are_seen_when_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "RARE", 0)
    made(tmp_path, unit_vectors(300), kind="compressed").close()
    path = tmp_path / "segment-000001" / "codes.bin"
    content = bytearray(path.read_bytes())
    content[-8:] = (10**6).to_bytes(8, "little")
    path.write_bytes(content)
    index = LocalIndex.open(tmp_path)
    with pytest.raises(ValueError, match=r"codes\.bin is damaged"):
        index.search(unit_vectors(300), 300)


@pytest.mark.parametrize("text", ["{}", "[]", "7", "null", '{"format": 9}', "{" * 100_000])
def test_another_state_file_is_refused(folder: Path, text: str) -> None:
    (folder / "index.json").write_text(text)
    with pytest.raises(ValueError, match=r"index\.json.*make the index anew"):
        LocalIndex.open(folder)


FORGED = [
    (("identity", "width"), 2**40), (("identity", "width"), None), (("identity", "digest"), 7), (("kind",), "exact"),
    (("codec",), 0), (("codec",), None), (("codec", "name"), "../elsewhere"), (("removed", "digest"), []),
    (("first_row",), -1), (("first_row",), 10**30), (("n_removed",), 10**6), (("n_products",), None),
    (("segments", 0, "n"), 10**30), (("segments", 0, "n"), "300"), (("segments", 0, "n"), True), (("segments",), {}),
    (("segments", 0, "name"), "/etc"), (("segments", 0, "entries", "name"), "../../passwd"), (("segments", 0), None),
    (("segments", 1, "codes"), ""), (("segments", 0, "vectors"), []), (("next_number",), 1.5), (("chosen",), {}),
]  # fmt: skip


@pytest.mark.parametrize(("at", "value"), FORGED)
def test_a_state_that_somebody_forged_is_refused(folder: Path, at: tuple[str | int, ...], value: object) -> None:
    path = folder / "index.json"
    content = json.loads(path.read_text())
    place = content
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    inside = {key: part for key, part in content.items() if key not in ("format", "digest")}
    digest = hashlib.blake2b(json.dumps(inside, sort_keys=True).encode(), digest_size=16).hexdigest()
    path.write_text(json.dumps({**content, "digest": digest}))
    with pytest.raises(ValueError, match=r"index\.json is damaged \(it cannot be read"):
        LocalIndex.open(folder)


def test_a_damaged_index_can_be_made_anew_in_its_place(folder: Path) -> None:
    (folder / "index.json").write_text("{")
    index = made(folder, unit_vectors(3))
    assert len(index) == 3
    assert {path.name for path in folder.iterdir()} == {"index.json", "writer.lock", json.loads(
        (folder / "index.json").read_text())["segments"][0]["name"]}  # fmt: skip
