import json

import pytest

from catalog.product import Problem, ProblemKind, ProblemLog


def test_a_photos_place_is_its_file_else_its_number_counted_from_1():
    torn = Problem(ProblemKind.UNREADABLE_PHOTO, "", 7, "torn", 1)
    assert str(torn) == "photo 2, product 7: photo that cannot be decoded (torn)"
    in_file = Problem(ProblemKind.UNREADABLE_PHOTO, "shop/b.jpg", 7, "torn", 1)
    assert str(in_file) == "shop/b.jpg, product 7: photo that cannot be decoded (torn)"
    assert str(Problem(ProblemKind.NO_CATEGORY, "row 3", 7)) == "row 3, product 7: no category_id"


def test_a_log_is_read_back_from_its_json():
    log = ProblemLog()
    log.extend(
        [
            Problem(ProblemKind.UNREADABLE_PHOTO, "", 7, "torn", 0),
            Problem(ProblemKind.UNREAD_TEXT, "shop/b.jpg", 7, "", 3),
            Problem(ProblemKind.GARBAGE, "offset 9", detail="4 bytes"),
        ]
    )
    assert ProblemLog.from_json(json.loads(json.dumps(log.to_json()))) == log


def test_a_log_of_an_earlier_version_gets_its_photos_positions():
    earlier = {
        "counts": {"UNREADABLE_PHOTO": 2, "NO_CATEGORY": 1},
        "named": [
            ["UNREADABLE_PHOTO", "photo 2", 7, "torn"],
            ["UNREADABLE_PHOTO", "shop/photo 2.jpg", 8, ""],
            ["NO_CATEGORY", "row 3", None, ""],
        ],
    }
    assert ProblemLog.from_json(earlier).named == [
        Problem(ProblemKind.UNREADABLE_PHOTO, "", 7, "torn", 1),
        Problem(ProblemKind.UNREADABLE_PHOTO, "shop/photo 2.jpg", 8),
        Problem(ProblemKind.NO_CATEGORY, "row 3"),
    ]


@pytest.mark.parametrize("position", ["1", -1, 0.5])
def test_a_position_that_is_none_is_refused(position):
    with pytest.raises(ValueError, match="a photo's position is"):
        ProblemLog.from_json({"counts": {}, "named": [["UNREADABLE_PHOTO", "", 7, "torn", position]]})


def test_kinds_of_earlier_versions_are_still_read():
    log = ProblemLog.from_json({"counts": {"SAME_NUMBER": 2}, "named": [["SAME_NUMBER", "row 3", 12, "", None]]})
    assert log.counts[ProblemKind.SAME_NUMBER] == 2
    assert "row 3, product 12" in log.summary()
