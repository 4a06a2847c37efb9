"""A photo as Tesseract reads it best: grey, full contrast, straight, enlarged.

Light text on dark stays as it is: Tesseract inverts line by line, and doing it here changed nothing on the covers of
`bench/ocr_engines.py`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.engines.base import Photo
from ocr.transcript import Box

Grey = NDArray[np.uint8]

MAX_SIDE = 3000
MAX_SKEW = 10.0
"""Degrees; text that is turned more is not skewed but set at an angle."""
SKEW_STEP = 0.5
# A skew under this is left: turning a picture blurs it.
MIN_SKEW = 1.0
SKEW_SIDE = 240
"""Pixels of the longer side on which the skew is sought."""
MAX_GAIN = 4


@dataclass(frozen=True)
class Prepared:
    """A picture to read.

    Attributes:
        picture: `(H, W)` uint8. to_photo: `(2, 3)` float64, turns its pixels into the photo's.
    """

    picture: Grey
    to_photo: NDArray[np.float64]

    def photo_box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The box around a box of the picture, in pixels of the photo."""
        corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
        on_photo = corners @ self.to_photo.T
        (x0, y0), (x1, y1) = on_photo.min(axis=0).tolist(), on_photo.max(axis=0).tolist()
        return x0, y0, x1, y1


def prepare(photo: Photo, enlarge: float, quarter_turns: int = 0) -> Prepared:
    """The photo made easy to read.

    Args:
        photo: `(H, W, 3)` uint8 RGB. enlarge: factor, lowered where the longer side would pass `MAX_SIDE`.
        quarter_turns: counter-clockwise, before everything else: for text that runs down (1), up (3) or upside down.
    """
    grey = stretched(np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8))
    height, width = grey.shape
    turn = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, width]],
        2: [[-1, 0, width], [0, -1, height]],
        3: [[0, -1, height], [1, 0, 0]],
    }[quarter_turns]
    turned = np.ascontiguousarray(np.rot90(grey, quarter_turns))
    angle = skew(turned)
    scale = min(enlarge, MAX_SIDE / max(turned.shape))
    width, height = (max(1, round(side * scale)) for side in turned.shape[::-1])
    how = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
    picture = np.asarray(cv2.resize(turned, (width, height), interpolation=how), np.uint8)
    straighten, size = _straightening(width, height, angle)
    if angle:
        edge = int(np.median(np.concatenate([turned[0], turned[-1], turned[:, 0], turned[:, -1]])))
        picture = np.asarray(
            cv2.warpAffine(picture, straighten, size, flags=cv2.INTER_CUBIC, borderValue=edge), np.uint8
        )
    enlarged = straighten @ np.diag([width / turned.shape[1], height / turned.shape[0], 1.0])
    to_prepared = np.vstack([enlarged, [0, 0, 1]]) @ np.vstack([np.array(turn, float), [0, 0, 1]])
    return Prepared(picture, np.linalg.inv(to_prepared)[:2])


def stretched(grey: Grey) -> Grey:
    """The darkest and the lightest thousandth of an `(H, W)` picture become black and white.

    Contrast grows at most fourfold: the grain of plain paper must not become letters.
    """
    counts = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    low, high = (int(np.searchsorted(counts, share * grey.size)) for share in (0.001, 0.999))
    spread = max(high - low, 256 // MAX_GAIN)
    levels = np.clip((np.arange(256) - (low + high - spread) / 2) * (255 / spread), 0, 255)
    return np.asarray(cv2.LUT(grey, levels.astype(np.uint8)), np.uint8)


def skew(grey: Grey) -> float:
    """Degrees counter-clockwise by which lines of an `(H, W)` picture rise; 0 where turning it back gains nothing.

    Rows that run along lines of text differ most: the angle is the one whose rows of edges vary most (Postl, "Detection
    of linear oblique structures and skew scan in digitized documents", 1986).
    """
    scale = min(1.0, SKEW_SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    edges = np.abs(cv2.Sobel(small, cv2.CV_32F, 0, 1))
    # a disc: corners would come and go with the angle
    rows, columns = np.ogrid[:height, :width]
    radius = min(height, width) / 2
    edges[(rows - height / 2) ** 2 + (columns - width / 2) ** 2 > radius**2] = 0

    def variation(angle: float) -> float:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
        profile = cv2.warpAffine(edges, turn, (width, height)).sum(axis=1)
        return float(np.square(np.diff(profile)).sum())

    angles = np.arange(-MAX_SKEW, MAX_SKEW + SKEW_STEP, SKEW_STEP)
    best = float(angles[int(np.argmax([variation(angle) for angle in angles]))])
    return best if MIN_SKEW <= abs(best) < MAX_SKEW else 0.0


def _straightening(width: int, height: int, angle: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """`(2, 3)` transform that turns a picture back by its skew, and the (width, height) that holds what comes out."""
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0), np.float64)
    across, along = np.abs(matrix[0, 0]), np.abs(matrix[0, 1])
    size = max(1, round(width * across + height * along)), max(1, round(width * along + height * across))
    matrix[:, 2] += np.array(size) / 2 - np.array([width, height]) / 2
    return matrix, size
