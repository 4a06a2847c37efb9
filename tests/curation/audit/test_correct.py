"""A corrected copy: the labels a person gave, everything else byte for byte, nothing overwritten."""

from __future__ import annotations

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.files.answer_sheet import has_answers
from catalog.files.csv_rows import id_in
from catalog.files.sheet_ids import id_cell
from catalog.tree.taxonomy import Taxonomy, path_text
from catalog.tree.translations import Name, Names
from curation.audit.correct import correct
from curation.audit.listing import Suspect
from curation.audit.sheet import write_suspects
from tests.support.products import TAXONOMY, make_product


def suspect(product_id: int, suggested: int = 31, label: str = "a label", label_id: int = 11) -> Suspect:
    return Suspect(
        product_id, 0, label_id, label, suggested, "a suggestion", "Cat I", 0.1, 0.8, 2.5, 0, 0, 0, "a reason"
    )


def filled(path, answers: dict[int, object], separator: str = ","):
    """A sheet as a spreadsheet would save it, with these answers."""
    write_suspects(path, [suspect(i) for i in answers])
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [lines[0], *(line.replace(",", f",{answers[int(line.split(',')[0])]}", 1) for line in lines[1:])]
    path.write_text("\n".join(row.replace(",", separator) for row in rows), encoding="utf-8-sig")
    return path


answer = st.sampled_from(["", "ok", "OK", "suggested", "Suggested", "12", "21", "21.0", "'33"])


@given(st.dictionaries(st.integers(0, 11), answer, min_size=1), st.sampled_from(",;\t"))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answers_alone_change_labels(write_bson, tmp_path, answers, separator):
    documents = [{**make_product(i, 11), "seller": f"s{i}", "n": bson.Int64(i)} for i in range(12)]
    raws = [bson.encode(d) for d in documents]
    catalog = Catalog(write_bson(*raws))
    sheet, output = filled(tmp_path / "suspects.csv", answers, separator), tmp_path / "out" / "corrected.bson"
    output.unlink(missing_ok=True)
    if not any(answers.values()):
        with pytest.raises(ValueError, match="no answer in"):
            correct(catalog, sheet, output, TAXONOMY)
        assert not output.exists()
        return
    found = correct(catalog, sheet, output, TAXONOMY)
    words = {"suggested": 31, "Suggested": 31, "12": 12, "21": 21, "21.0": 21, "'33": 33}
    given = {i: words[a] for i, a in answers.items() if a in words}
    assert found.changed == len(given)
    assert found.kept == sum(a.lower() == "ok" for a in answers.values())
    assert found.blank == list(answers.values()).count("")
    made = Catalog(output)
    for i, raw in enumerate(made.raw(range(len(made)))):
        if i in given:
            fields = bson.decode(raw)
            assert fields.pop("category_id") == given[i]
            assert fields == {k: v for k, v in documents[i].items() if k != "category_id"}
        else:
            assert raw == raws[i]


def test_ids_of_64_bits_come_through(write_bson, tmp_path):
    """A folder's product ids are hashes: 19 digits."""
    product, category = 2**63 - 9, -(2**62) - 1
    catalog = Catalog(write_bson({**make_product(0, 11), "_id": product}))
    tree = Taxonomy([(11, ("A", "B", "C")), (category, ("A", "B", "D"))])
    write_suspects(tmp_path / "s.csv", [suspect(product, suggested=category)])
    written = (tmp_path / "s.csv").read_text(encoding="utf-8-sig")
    # as text, by an apostrophe: spreadsheets would round them
    assert f"\n'{product},,11," in written
    assert f",'{category}," in written
    (tmp_path / "s.csv").write_text(written.replace(f"{product},,", f"{product},suggested,"))
    found = correct(catalog, tmp_path / "s.csv", tmp_path / "c.bson", tree)
    assert found.changed == 1
    assert Catalog(tmp_path / "c.bson").category_ids.tolist() == [category]


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**12), 10**12))
def test_an_id_is_read_as_it_was_written_and_never_a_number_that_is_shown_rounded(value):
    cell = str(id_cell(value))
    assert id_in(cell) == value
    assert cell.startswith("'") or len(cell.lstrip("-")) < 12


def test_a_rounded_id_is_refused_with_the_way_out(write_bson, tmp_path):
    product = 2873375804257147987
    catalog = Catalog(write_bson({**make_product(0, 11), "_id": product}))
    for rounded in ("2,87E+18", "2873375804257150000"):
        sheet = tmp_path / "s.csv"
        sheet.write_text(f'product_id,corrected_category_id,label_category_id\n"{rounded}",12,11\n')
        with pytest.raises(ValueError, match="fill the sheet as it was written"):
            correct(catalog, sheet, tmp_path / "c.bson", TAXONOMY)


def test_a_label_given_as_it_stands_changes_no_byte(write_bson, tmp_path):
    path = write_bson(make_product(0, 11), make_product(1, 12))
    found = correct(Catalog(path), filled(tmp_path / "s.csv", {0: 11}), tmp_path / "c.bson", TAXONOMY)
    assert (found.changed, found.kept) == (0, 1)
    assert (tmp_path / "c.bson").read_bytes() == path.read_bytes()


def test_what_cannot_be_taken_is_named_and_nothing_is_written(write_bson, tmp_path):
    catalog = Catalog(write_bson(make_product(0, 11), make_product(1, 12)))
    output = tmp_path / "c.bson"

    def refused(answers: dict[int, object], tree: Taxonomy | None = TAXONOMY) -> str:
        with pytest.raises(ValueError) as error:
            correct(catalog, filled(tmp_path / "s.csv", answers), output, tree)
        assert not output.exists()
        return str(error.value)

    assert "has no product 7" in refused({7: 12})
    assert "saw product 1 labelled 11" in refused({1: 31})
    assert "category_id 5 is not in the tree" in refused({0: 5})
    assert "'maybe' is neither a category_id nor 'ok' nor 'suggested'" in refused({0: "maybe"})
    review = filled(tmp_path / "review.csv", {0: "ok"})
    review.write_text(review.read_text(encoding="utf-8-sig").replace("label_category_id", "decision"))
    with pytest.raises(ValueError, match="no label_category_id"):
        correct(catalog, review, output, TAXONOMY)
    sheet = filled(tmp_path / "s.csv", {0: 12})
    lines = sheet.read_text(encoding="utf-8-sig").splitlines()
    sheet.write_text("\n".join([*lines, lines[1].replace(",12,", ",ok,", 1)]), encoding="utf-8-sig")
    with pytest.raises(ValueError, match="product 0 is given ok, but 12"):
        correct(catalog, sheet, output, TAXONOMY)
    with pytest.raises(FileNotFoundError):
        correct(catalog, tmp_path / "none.csv", output, TAXONOMY)
    output.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        correct(catalog, filled(tmp_path / "s.csv", {0: 12}), output, TAXONOMY)
    assert output.read_bytes() == b"precious"


def test_a_category_may_be_written_as_the_tree_or_its_language_calls_it(write_bson, tmp_path):
    names = Names((Name(31, 3, "en", "Cup"),))
    catalog = Catalog(write_bson(*(make_product(i, 11) for i in range(4))))
    tree = TAXONOMY.with_names(names).in_language("en")
    path = path_text(TAXONOMY.paths[TAXONOMY.leaf_index(21)])
    sheet = filled(tmp_path / "s.csv", {0: "cup", 1: path.lower(), 2: 12, 3: "suggested"})
    found = correct(catalog, sheet, tmp_path / "c.bson", tree)
    assert found.changed == 4
    assert Catalog(tmp_path / "c.bson").category_ids.tolist() == [31, 21, 12, 31]
    with pytest.raises(ValueError, match=r"'cup' is neither .* nor 'suggested'; names are read where a category tree"):
        correct(catalog, sheet, tmp_path / "d.bson")
    # the word comes before a category of that name
    words = Taxonomy([(11, ("A",)), (31, ("B",)), (12, ("suggested",)), (13, ("ok",))])
    sheet = filled(tmp_path / "s.csv", {0: "suggested", 1: "ok"})
    correct(catalog, sheet, tmp_path / "d.bson", words)
    assert Catalog(tmp_path / "d.bson").category_ids.tolist() == [31, 11, 11, 11]


def test_without_a_tree_only_categories_in_use_are_taken(write_bson, tmp_path):
    """A slip of the pen would otherwise become a label that exists nowhere."""
    catalog = Catalog(write_bson(make_product(0, 11), make_product(1, 12), make_product(2)))
    output = tmp_path / "c.bson"
    for stranger in (12345, -5, 0, -1):
        with pytest.raises(ValueError, match=f"category_id {stranger} is no product's.*--tree"):
            correct(catalog, filled(tmp_path / "s.csv", {0: stranger}), output)
    assert not output.exists()
    # another product's category, and one that is only suggested
    for known in (12, 31):
        correct(catalog, filled(tmp_path / "s.csv", {0: known}), output, overwrite=True)
        assert Catalog(output).category_ids.tolist() == [known, 12, -1]


def test_what_is_written_is_a_bson_file_and_never_the_catalogue_itself(write_bson, tmp_path):
    path = write_bson(make_product(0, 11), make_product(1, 12))
    catalog, sheet, before = Catalog(path), filled(tmp_path / "s.csv", {0: 12}), path.read_bytes()
    with pytest.raises(ValueError, match=r"ends in \.bson"):
        correct(catalog, sheet, tmp_path / "folder", TAXONOMY)
    with pytest.raises(FileExistsError, match="is the catalogue that is read"):
        correct(catalog, sheet, path, TAXONOMY, overwrite=True)
    assert path.read_bytes() == before
    output = tmp_path / "c.bson"
    output.write_bytes(b"of an earlier round")
    correct(catalog, sheet, output, TAXONOMY, overwrite=True)
    assert Catalog(output).category_ids.tolist() == [12, 12]


def test_unicode_text_of_a_spreadsheet_is_named_and_counts_as_filled(write_bson, tmp_path):
    sheet = filled(tmp_path / "s.csv", {0: 12})
    text = sheet.read_text(encoding="utf-8-sig")
    for encoding in ("utf-16", "utf-16-le"):
        sheet.write_text(text.replace(",", "\t"), encoding=encoding)
        with pytest.raises(ValueError, match="is not UTF-8 text, perhaps UTF-16: save it as 'CSV UTF-8'"):
            correct(Catalog(write_bson(make_product(0, 11))), sheet, tmp_path / "c.bson", TAXONOMY)
        assert has_answers(sheet)


def test_a_suggestion_that_is_not_there_any_more_is_asked_for(write_bson, tmp_path):
    sheet = tmp_path / "s.csv"
    catalog = Catalog(write_bson(make_product(0, 11)))
    for extra, cell in (("", ""), (",suggested_category_id", ",")):
        sheet.write_text(f"product_id,corrected_category_id,label_category_id{extra}\n0,suggested,11{cell}\n")
        with pytest.raises(ValueError, match="'suggested' stands for a category in the column suggested_category_id"):
            correct(catalog, sheet, tmp_path / "c.bson", TAXONOMY)


def test_no_cell_is_a_formula(tmp_path):
    write_suspects(tmp_path / "s.csv", [suspect(1, label="=HYPERLINK(1) > @x > -1")])
    assert ",'=HYPERLINK(1)" in (tmp_path / "s.csv").read_text(encoding="utf-8-sig")
