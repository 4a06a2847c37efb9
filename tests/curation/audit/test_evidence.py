"""Which probabilities an audit believes, on which products, and what it says about the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence_source import find_evidence
from tests.curation.audit.cases import said
from tests.support.products import make_photo, make_product


def audited(room, **more):
    return find_evidence(room.catalog, room.tree, room.workspace, **more)


def corrected(room, write_bson, changed: dict[int, int], *more: dict) -> Catalog:
    """The room's catalogue with these labels, and more products."""
    documents = [bson.decode(raw) for raw in room.catalog.raw(range(len(room.catalog)))]
    documents = [{**d, "category_id": changed.get(d["_id"], d["category_id"])} for d in documents]
    return Catalog(write_bson(*documents, *more, name="corrected.bson"))


def test_the_fused_result_is_believed_where_it_covers_all_held_out_products(make_room):
    room = make_room()
    room.photos()
    assert "image branch" in audited(room).expert
    room.fused(room.held_out)
    found = audited(room)
    assert "fused" in found.expert
    assert found.counts == {"audited": len(room.held_out), "no probabilities": 60 - len(room.held_out)}
    assert (room.catalog.product_ids[found.positions] == found.scores.product_ids).all()
    assert (room.tree.leaf_ids[found.label] == room.catalog.category_ids[found.positions]).all()
    assert any("--folds 5" in warning for warning in found.warnings)
    # heads are fitted on a sample of a large catalogue
    room.fused(room.held_out[:5])
    assert "image branch" in audited(room).expert
    assert len(audited(room, run=room.workspace.latest("fusion").folder).scores) == 5


def test_a_fused_run_of_an_earlier_version_is_named_with_the_way_out(make_room):
    room = make_room()
    room.photos()
    room.fused(room.held_out)
    run = room.workspace.latest("fusion")
    del run.details["held_out_scores"]
    run.save()
    evidence = audited(room)
    assert "image branch" in evidence.expert
    assert any(str(run.folder) in warning and "fusion train" in warning for warning in evidence.warnings)
    with pytest.raises(FileNotFoundError, match="run `fusion train` again"):
        audited(room, run=run.folder)


def test_with_folds_every_product_is_audited(make_room):
    room = make_room("kfold")
    room.photos()
    found = audited(room)
    assert found.counts == {"audited": 60}
    assert not found.warnings


def test_silent_and_unlabelled_products_are_counted_by_reason(make_room, write_bson):
    catalog = Catalog(write_bson(*[make_product(i, None if i % 10 == 3 else [11, 12, 31][i % 3]) for i in range(40)]))
    room = make_room("kfold", catalog)
    silent = np.isin(np.arange(len(room.held_out)), [0, 5, 7])
    room.photos(silent=silent)
    found = audited(room)
    assert found.counts == {"audited": 33, "nothing read": 3, "no label of this tree": 4}
    assert sum(found.counts.values()) == len(catalog)
    assert not np.isin(catalog.product_ids[room.held_out[silent]], found.scores.product_ids).any()


def test_a_label_that_the_expert_cannot_name_is_scored(make_room):
    room = make_room("kfold")
    room.photos(support=np.arange(1, 8))
    found = audited(room)
    assert found.counts == {"audited": 60}
    assert (found.named == (found.label != 0)).all()
    assert (found.scores.p_truth[~found.named, 2] == 0).all()


def test_a_label_that_changed_since_is_left_to_itself(make_room, write_bson):
    room = make_room("kfold")
    room.fused(room.held_out)
    catalog = corrected(room, write_bson, dict.fromkeys(range(10), 11))
    changed = int((catalog.category_ids != room.catalog.category_ids).sum())
    found = find_evidence(catalog, room.tree, room.workspace, run=room.workspace.latest("fusion").folder)
    assert found.counts == {"audited": 60 - changed, "another label since": changed}
    assert (found.label == found.scores.truth).all()


def test_a_file_is_believed_with_a_word_of_warning(make_room, tmp_path):
    room = make_room()
    every = room.probabilities(np.arange(60))
    every.save(tmp_path / "mosaic.safetensors")
    found = audited(room, file=tmp_path / "mosaic.safetensors")
    assert f"has learnt from up to {60 - len(room.held_out)} of these labels" in found.warnings[0]
    replace(every, plan="another").save(tmp_path / "mosaic.safetensors")
    assert "nothing tells whether" in audited(room, file=tmp_path / "mosaic.safetensors").warnings[0]
    run = room.photos() and room.workspace.latest("mosaic", "any")
    held_out = audited(room, file=run.folder / "heldout.safetensors")
    assert [w for w in held_out.warnings if "--folds" not in w] == []


def test_another_catalogue_is_audited_with_what_was_predicted_for_it(make_room, write_bson, tmp_path):
    room = make_room()
    room.photos()
    new = Catalog(write_bson(*[make_product(i, 11) for i in range(100, 110)], name="new.bson"))
    with pytest.raises(FileNotFoundError, match="run `mosaic predict"):
        find_evidence(new, room.tree, room.workspace)
    folder = room.workspace.folder / "predictions" / f"{new.name}-{new.fingerprint[:8]}"
    folder.mkdir(parents=True)
    said(np.full((10, 8), 1 / 8, np.float32), ids=new.product_ids).save(folder / "mosaic.safetensors")
    found = find_evidence(new, room.tree, room.workspace)
    assert found.counts == {"audited": 10}
    assert found.warnings == []
    # the same _id in both
    old = Catalog(write_bson(*[make_product(i, 12) for i in range(50, 65)], name="old.bson"))
    folder = room.workspace.folder / "predictions" / f"{old.name}-{old.fingerprint[:8]}"
    folder.mkdir(parents=True)
    said(np.full((15, 8), 1 / 8, np.float32), ids=old.product_ids).save(folder / "mosaic.safetensors")
    assert "10 of these 15 products stand in" in find_evidence(old, room.tree, room.workspace).warnings[0]


def test_a_corrected_copy_is_audited_by_what_was_held_out(make_room, write_bson):
    """New labels against probabilities that were held out: the same as if they had been there from the start."""
    room = make_room("kfold")
    photos = room.photos()
    other = {i: 31 if room.catalog.category_ids[i] != 31 else 11 for i in (4, 9)}
    catalog = corrected(room, write_bson, other, make_product(1000, 11))
    found = find_evidence(catalog, room.tree, room.workspace)
    assert "image branch" in found.expert
    assert found.counts == {"audited": 60, "no probabilities": 1}
    label = room.tree.leaf_index(catalog.category_ids)
    assert (found.label == label[found.positions]).all()
    dense = photos.dense(np.arange(60), 8)
    own = dense[np.arange(60), found.label]
    np.testing.assert_allclose(found.scores.p_truth[:, 2], own, rtol=1e-6)
    (warning,) = found.warnings
    assert "60 of its 61 products stand there, 2 of them with another label" in warning
    assert "not held out or are new: 1." in warning
    assert "`catalog split` and the trainings on this file" in warning


def test_of_a_corrected_copy_the_fused_result_leaves_out_what_is_new(make_room, write_bson):
    room = make_room("kfold")
    room.photos()
    room.fused(room.held_out)
    catalog = corrected(room, write_bson, {4: 31 if room.catalog.category_ids[4] != 31 else 11})
    found = find_evidence(catalog, room.tree, room.workspace)
    assert "fused" in found.expert
    assert found.counts == {"audited": 59, "another label since": 1}
    assert "Not audited, with another label since: 1." in found.warnings[0]
    assert "--run FOLDER" in found.warnings[0]
    photos = find_evidence(catalog, room.tree, room.workspace, run=room.workspace.latest("mosaic", "any").folder)
    assert photos.counts == {"audited": 60}


def test_a_product_with_other_photos_is_left_out(make_room, write_bson):
    """What was said of its photos of then says nothing about those of now; their order does not matter."""
    room = make_room("kfold")
    room.photos()
    documents = [bson.decode(raw) for raw in room.catalog.raw(range(60))]
    several = [i for i, document in enumerate(documents) if len(document["imgs"]) > 1]
    documents[several[0]]["imgs"] = documents[several[0]]["imgs"][::-1]
    documents[several[1]]["imgs"] = documents[several[1]]["imgs"][1:]
    documents[several[2]]["imgs"][0]["picture"] = make_photo(9999)
    renewed = Catalog(write_bson(*documents, name="renewed.bson"))
    found = find_evidence(renewed, room.tree, room.workspace)
    assert found.counts == {"audited": 58, "other photos since": 2}
    assert set(range(60)) - set(found.positions.tolist()) == set(several[1:3])
    assert (room.catalog.product_ids[found.positions] == found.scores.product_ids).all()
    assert len(found.named) == 58
    assert "Not audited, with other photos since: 2." in found.warnings[0]
    run = room.workspace.latest("mosaic", "any").folder
    for file in (run, run / "heldout.safetensors"):
        # a run named by its file is that run
        assert find_evidence(renewed, room.tree, room.workspace, file=file).counts == found.counts


def test_another_shop_with_the_same_ids_is_not_taken_for_a_later_state(make_room, write_bson):
    room = make_room("kfold")
    room.photos()
    other = {int(i): 33 if c != 33 else 11 for i, c in zip(range(60), room.catalog.category_ids.tolist(), strict=True)}
    with pytest.raises(FileNotFoundError, match=r"mosaic predict.* --workspace .*first\. But 60 of these 60 products"):
        find_evidence(corrected(room, write_bson, other), room.tree, room.workspace)


def test_where_the_split_catalogue_is_gone_nothing_is_taken_for_granted(make_room, write_bson, tmp_path):
    room = make_room("kfold")
    room.photos()
    catalog = corrected(room, write_bson, {4: 31})
    Path(room.catalog.address).unlink()
    with pytest.raises(FileNotFoundError, match=r"first\. But nothing tells whether the networks have learnt"):
        find_evidence(catalog, room.tree, room.workspace)
    run = room.workspace.latest("mosaic", "any").folder
    assert len(find_evidence(catalog, room.tree, room.workspace, run=run).scores) == 60


def test_what_cannot_be_audited_is_refused(make_room, write_bson, tmp_path):
    room = make_room()
    path = tmp_path / "p.safetensors"
    with pytest.raises(FileNotFoundError, match="mosaic train"):
        audited(room)
    with pytest.raises(FileNotFoundError, match="catalog split"):
        find_evidence(room.catalog, room.tree, Workspace(tmp_path / "nothing"))
    room.fused(room.held_out)
    run = room.workspace.latest("fusion")
    with pytest.raises(ValueError, match=f"--run {run.folder}"):
        audited(room, file=run.scores_file)
    room.probabilities(np.arange(60), taxonomy="another").save(path)
    with pytest.raises(ValueError, match="another category tree"):
        audited(room, file=path)
    replace(room.probabilities(np.arange(60)), product_ids=np.arange(60) + 10**12).save(path)
    with pytest.raises(ValueError, match="none of its 60 products stands in"):
        audited(room, file=path)
    replace(room.probabilities(np.arange(60)), product_ids=np.arange(60) // 2).save(path)
    with pytest.raises(ValueError, match="product 0 stands in it twice"):
        audited(room, file=path)
    room.probabilities(np.arange(60), silent=np.ones(60, bool)).save(path)
    with pytest.raises(ValueError, match=r"not one label can be audited.*nothing read: 60"):
        audited(room, file=path)
    with pytest.raises(ValueError, match="no product has a category of this tree"):
        find_evidence(room.catalog, Taxonomy([(1, ("A", "B", "C"))]), room.workspace)
    unlabelled = Catalog(write_bson(*[make_product(i) for i in range(4)], name="bare.bson"))
    with pytest.raises(ValueError, match="no label to audit"):
        find_evidence(unlabelled, room.tree, room.workspace)
