"""Scans are counted as libjpeg meets them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.jpeg_scans import MAX_SCANS, MAX_SEGMENTS, scans_of
from tests.support.forged_jpegs import COMMENT, END, segment
from tests.support.photo_kinds import colours

SCAN = segment(0xDA, b"\1\1\0\0\x3f\0")


def parts(photo: bytes) -> int:
    return len(scans_of(photo, 0)[0])


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.booleans(), st.binary(max_size=20))
def test_every_scan_counts_whatever_its_data(data, ends, rest):
    """In coded data a byte FF is followed by 00, or by the number of a restart."""
    coded = [SCAN + own.replace(b"\xff", b"\xff\0") + b"\xff\xd3" for own in data]
    photo = b"".join(coded) + (END + rest if ends else b"")
    places, has_end = scans_of(photo, 0)
    assert places == [sum(map(len, coded[:n])) for n in range(len(coded))]
    assert has_end == ends


@pytest.mark.parametrize("progressive", [False, True])
def test_a_real_photo_has_its_scans(progressive):
    out = io.BytesIO()
    colours((90, 70)).save(out, "JPEG", progressive=progressive, quality=95)
    photo = out.getvalue()
    places, has_end = scans_of(photo, photo.index(b"\xff\xda"))
    assert len(places) == photo.count(b"\xff\xda") == (10 if progressive else 1)
    assert has_end


def test_segments_are_passed_over_by_their_length():
    """Ends and scans that stand in a comment are none; tables between scans are no data."""
    assert scans_of(SCAN + segment(COMMENT, END + SCAN) + SCAN + END, 0) == ([0, len(SCAN) + 4 + 2 + len(SCAN)], True)
    assert parts(SCAN + segment(0xC4, END) + SCAN) == 2


def test_bytes_that_fill_up_are_no_marks():
    assert scans_of(SCAN + b"\xff" * 50 + b"\xda" + SCAN[2:] + b"\xff\xff\xd9", 0)[1]
    assert parts(SCAN + b"\xff" * 50 + b"\xda" + SCAN[2:]) == 2


@pytest.mark.parametrize("marker", [0x01, 0x02, 0xBF, 0xD8, 0xF0])
def test_what_libjpeg_does_not_read_the_length_of_hides_nothing(marker):
    """Where restarts are expected it looks for the next mark behind such a one."""
    assert parts(SCAN + bytes([0xFF, marker, 0xFF, 0x10]) + SCAN * 5) == 6


@pytest.mark.parametrize("length", [0, 1])
def test_a_length_shorter_than_itself_goes_on_behind_it(length):
    assert parts(SCAN + bytes([0xFF, COMMENT, 0, length]) + SCAN) == 2


def test_their_number_is_bounded():
    assert parts(SCAN * MAX_SCANS) == MAX_SCANS
    with pytest.raises(UnreadablePhoto, match="scans"):
        scans_of(SCAN * (MAX_SCANS + 1), 0)
    with pytest.raises(UnreadablePhoto, match="segments"):
        scans_of(SCAN + segment(COMMENT) * MAX_SEGMENTS, 0)
