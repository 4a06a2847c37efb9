"""Regions of text become words in reading order, whatever way the text runs."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.lines import (
    LINE_HEIGHT,
    WIDTH_STEP,
    Direction,
    Line,
    cut_out,
    in_reading_order,
    read_regions,
    transcript,
    upright,
)

SIZE = 200


def corners(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def turned(line, quarter_turns):
    """The line as it lies on the photo after counter-clockwise quarter turns, as numpy's rot90 turns pictures."""
    left, top, right, bottom = line.box
    for _ in range(quarter_turns):
        left, top, right, bottom = top, SIZE - right, bottom, SIZE - left
    return Line(line.text, line.confidence, (left, top, right, bottom), Direction(-quarter_turns % 4))


def test_a_line_is_cut_into_words():
    first, second = Line("  un seau ", 1.2, (0.0, 10.0, 65.0, 20.0)).words(3)
    assert (first.text, second.text, first.line, first.confidence) == ("un", "seau", 3, 1.0)
    # a blank is half as wide as a letter
    assert first.box == (0.0, 10.0, 20.0, 20.0)
    assert second.box == (25.0, 10.0, 65.0, 20.0)
    wide, narrow = Line("mmm iii", 1.0, (0.0, 0.0, 70.0, 9.0)).words(0)
    assert wide.box[2] - wide.box[0] > 2 * (narrow.box[2] - narrow.box[0])
    assert Line(" ", 1.0, (0.0, 0.0, 9.0, 9.0)).words(0) == []


@pytest.mark.parametrize(
    ("direction", "first"),
    [
        (Direction.DOWN, (0.0, 0.0, 10.0, 20.0)),
        (Direction.UP, (0.0, 25.0, 10.0, 45.0)),
    ],
)
def test_words_follow_each_other_in_the_line_s_direction(direction, first):
    words = Line("ab cd", 1.0, (0.0, 0.0, 10.0, 45.0), direction).words(0)
    assert words[0].box == first
    assert [word.text for word in words] == ["ab", "cd"]


@given(st.permutations(range(6)), st.integers(0, 3))
def test_reading_order_does_not_depend_on_how_the_photo_lies(order, quarter_turns):
    # three rows of two; the second piece of a row lies a little lower
    rows = itertools.product(range(3), range(2))
    page = [Line(f"{y}{x}", 1.0, (10 + 90 * x, 20 + 50 * y + 4 * x, 80 + 90 * x, 50 + 50 * y + 4 * x)) for y, x in rows]
    lines = [turned(page[n], quarter_turns) for n in order]
    assert [line.text for line in in_reading_order(lines)] == [line.text for line in page]


def test_what_most_letters_follow_comes_first():
    spine = Line("SPINE", 1.0, (0.0, 0.0, 10.0, 90.0), Direction.DOWN)
    title = Line("A long title", 1.0, (20.0, 50.0, 90.0, 60.0))
    assert [line.text for line in in_reading_order([spine, title])] == ["A long title", "SPINE"]
    read = transcript([spine, title], 2.0)
    assert read.text == "A long title\nSPINE"
    assert read.words[-1].box == (0.0, 0.0, 5.0, 45.0)


def test_a_region_is_cut_out_straight():
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[50:80, 20:120] = 255
    assert (cut_out(picture, corners(20, 50, 120, 80)) == 255).mean() > 0.95
    # a region of no size is a pixel, one that leaves the picture is filled with its edge
    assert cut_out(picture, corners(5, 5, 5, 5)).shape == (1, 1, 3)
    assert cut_out(picture, corners(-50, 60, 20, 70)).shape == (10, 70, 3)


@given(st.integers(1, 3000), st.integers(1, 300), st.sampled_from(list(Direction)))
def test_lines_have_one_height_and_few_widths(width, height, direction):
    line = upright(np.zeros((height, width, 3), np.uint8), direction)
    assert line.shape[0] == LINE_HEIGHT
    assert line.shape[1] % WIDTH_STEP == 0
    assert 0 < line.shape[1] <= 2400


@pytest.mark.parametrize("direction", list(Direction))
def test_the_surest_direction_is_kept(direction):
    """A line whose dark end marks where it begins, recognised with certainty only when that is on the left."""
    line = np.full((30, 300, 3), 255, np.uint8)
    line[:, :60] = 0
    # numpy turns counter-clockwise: three turns make a line run down
    lying = np.rot90(line, -int(direction))
    picture = np.full((400, 400, 3), 255, np.uint8)
    height, width = lying.shape[:2]
    picture[20 : 20 + height, 20 : 20 + width] = lying

    def recognize(upright_line):
        begins = upright_line[:, :40].mean() < 60 and upright_line.shape[1] > 300
        return ("right", 0.99) if begins else ("wrong", 0.4)

    (line,) = read_regions(picture, [corners(20, 20, 20 + width, 20 + height)], recognize, 0.7)
    assert (line.text, line.direction) == ("right", direction)
    assert line.box == (20, 20, 20 + width, 20 + height)
    assert read_regions(picture, [corners(20, 20, 20 + width, 20 + height)], lambda line: ("x", 0.5), 0.7) == []


def test_a_single_upright_letter_is_not_laid_down():
    picture = np.full((100, 100, 3), 255, np.uint8)
    lines = read_regions(
        picture, [corners(40, 20, 60, 65)], lambda line: ("I", 0.9 if line.shape[1] < 48 else 0.8), 0.7
    )
    assert [line.direction for line in lines] == [Direction.RIGHT]


def test_text_smaller_than_what_could_not_be_read_is_left_alone():
    picture = np.full((400, 400, 3), 255, np.uint8)
    heights = [8, 40, 9, 10, 30, 11, 12, 7]
    regions = [corners(10, 45 * n, 210, 45 * n + height) for n, height in enumerate(heights)]
    seen = []

    def recognize(line):
        seen.append(line.shape[1])
        # the larger the text, the narrower the line at its fixed height
        return ("title", 0.95) if line.shape[1] < 400 else ("noise", 0.3)

    lines = read_regions(picture, regions, recognize, 0.7)
    assert [line.box[3] - line.box[1] for line in lines] == [40, 30]
    # two titles, then three lines of the next smaller sizes, each looked at both ways up
    assert len(seen) == 2 + 3 * 2


def test_large_shapes_that_are_no_text_do_not_hide_the_title():
    picture = np.full((500, 400, 3), 255, np.uint8)
    regions = [corners(10, 80 * n, 210, 80 * n + height) for n, height in enumerate((70, 68, 66, 64, 40))]

    def recognize(line):
        return ("title", 0.95) if line.shape[1] > 200 else ("?", 0.2)

    assert [line.text for line in read_regions(picture, regions, recognize, 0.7)] == ["title"]


def test_a_word_that_reads_better_upside_down_stays_upright_on_an_upright_photo():
    picture = np.full((400, 400, 3), 255, np.uint8)
    for top in (20, 80):
        picture[top : top + 30, 30:60] = 0
    picture[150:170, 30:50] = 128

    def recognize(line):
        begins = line[:, :20].mean()
        if begins < 100:
            return "a long title", 0.95
        # the small grey word: "Old" upright, "PIO" surer upside down
        return ("Old", 0.75) if begins < 200 else ("PIO", 0.82)

    regions = [corners(30, 20, 330, 50), corners(30, 80, 330, 110), corners(30, 150, 130, 170)]
    lines = read_regions(picture, regions, recognize, 0.7)
    assert [line.text for line in in_reading_order(lines)] == ["a long title", "a long title", "Old"]


def test_a_line_that_reads_both_ways_follows_the_photo():
    picture = np.full((400, 400, 3), 255, np.uint8)
    # a dark end on the left where the line is upright
    for top in (20, 80, 140):
        picture[top : top + 30, 310:330] = 0
    regions = [corners(30, top, 330, top + 30) for top in (20, 80, 140)]

    def recognize(line):
        if line[:, :20].mean() < 100:
            return "dim", 0.92
        return ("wip", 0.95) if recognize.calls.pop() else ("xxx", 0.5)

    # the first region reads well upside down too, the others do not
    recognize.calls = [False, False, True]
    lines = read_regions(picture, regions, recognize, 0.7)
    assert {line.text for line in lines} == {"dim"}
    assert {line.direction for line in lines} == {Direction.LEFT}
