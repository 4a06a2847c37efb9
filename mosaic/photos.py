"""From a decoded photo to the square picture that networks see."""

import cv2
import numpy as np

from catalog.chunk import Picture

WHITE = (255, 255, 255)


def squared(pixels: Picture, size: int) -> Picture:
    """`(H, W, 3)` uint8, at most `size` on its longer side, enlarged to it, in the middle of a white square."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if longer != size:
        height, width = (max(1, round(side * size / longer)) for side in (height, width))
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    if height == width:
        return pixels
    top, left = (size - height) // 2, (size - width) // 2
    below, right = size - height - top, size - width - left
    framed = cv2.copyMakeBorder(pixels, top, below, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    return np.asarray(framed, np.uint8)
