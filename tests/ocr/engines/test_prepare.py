"""What Tesseract is given: straight, dark on light, and boxes that find their way back to the photo."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.engines.prepare import MAX_SIDE, prepare, skew, stretched


def page(angle=0.0):
    """Six black lines of words on white, 240 x 240, turned counter-clockwise."""
    picture = np.full((240, 240), 255, np.uint8)
    for row in range(6):
        for column in range(4):
            cv2.rectangle(picture, (40 + 42 * column, 50 + 26 * row), (72 + 42 * column, 60 + 26 * row), 0, -1)
    turn = cv2.getRotationMatrix2D((120, 120), angle, 1.0)
    return cv2.warpAffine(picture, turn, (240, 240), borderValue=255)


@pytest.mark.parametrize("angle", [-7.0, -3.5, 0.0, 2.0, 5.0, 8.5])
def test_the_skew_of_lines_is_found(angle):
    assert skew(page(angle)) == pytest.approx(angle, abs=0.75)


def test_nothing_is_turned_without_lines():
    assert skew(np.full((100, 50), 128, np.uint8)) == 0
    assert skew(np.zeros((1, 1), np.uint8)) == 0


def test_red_is_lighter_than_blue():
    halves = np.zeros((40, 40, 3), np.uint8)
    halves[:, :20, 0] = halves[:, 20:, 2] = 255
    grey = prepare(halves, 1.0).picture
    assert grey[:, :15].min() > grey[:, 25:].max()


def test_contrast():
    faint = np.full((50, 50), 100, np.uint8)
    faint[20:25] = 180
    strong = stretched(faint)
    assert (strong.min(), strong.max()) == (0, 255)
    flat = np.full((9, 9), 77, np.uint8)
    assert np.ptp(stretched(flat)) == 0


def test_the_grain_of_paper_does_not_become_letters():
    rng = np.random.default_rng(0)
    paper = np.clip(rng.normal(245, 3, (300, 300)), 0, 255).astype(np.uint8)
    paper[100:110, 100:120] = 30
    assert stretched(paper)[150:].std() < 5
    assert stretched(paper[:90])[:].std() < 15


@given(
    st.integers(8, 90),
    st.integers(8, 90),
    st.floats(0.5, 4),
    st.integers(0, 3),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
)
def test_boxes_come_back_to_where_they_were(height, width, enlarge, turns, across, down):
    """A dark spot on the photo is found in the prepared picture, and its place is mapped back."""
    photo = np.full((height, width, 3), 255, np.uint8)
    x, y = int(across * width), int(down * height)
    photo[y, x] = 0
    prepared = prepare(photo, enlarge, turns)
    row, column = np.unravel_index(prepared.picture.argmin(), prepared.picture.shape)
    left, top, right, bottom = prepared.photo_box(column, row, column + 1, row + 1)
    slack = 1.0 + 1.0 / enlarge
    assert left - slack <= x + 0.5 <= right + slack
    assert top - slack <= y + 0.5 <= bottom + slack


def test_a_skewed_page_is_straight_afterwards():
    photo = cv2.cvtColor(page(6.0), cv2.COLOR_GRAY2RGB)
    prepared = prepare(photo, 2.0)
    assert abs(skew(prepared.picture)) <= 0.5
    # its upper left word, found on the straight page, lies where it was drawn, turned with the page
    rows, columns = np.nonzero(prepared.picture[: prepared.picture.shape[0] // 2] < 128)
    top, left = rows.min(), columns[rows < rows.min() + 10].min()
    turn = cv2.getRotationMatrix2D((120, 120), 6.0, 1.0)
    drawn = turn @ np.array([40, 50, 1])
    x0, y0, _, _ = prepared.photo_box(left, top, left, top)
    assert (x0, y0) == pytest.approx(tuple(drawn), abs=3)


@pytest.mark.parametrize("size", [(6, 6), (6, 5000), (9000, 8), (7, 400)])
def test_odd_sizes_can_be_prepared(size):
    rng = np.random.default_rng(0)
    assert min(prepare(rng.integers(0, 256, (*size, 3), np.uint8), 3.0, 1).picture.shape) >= 1


def test_large_photos_are_not_enlarged_beyond_a_bound():
    assert max(prepare(np.zeros((2000, 50, 3), np.uint8), 3.0).picture.shape) <= MAX_SIDE
