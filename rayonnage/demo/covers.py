"""Books and discs: only their words tell the category, their pictures and colours are drawn at random."""

import numpy as np
from PIL import Image, ImageDraw

from rayonnage.demo.lettering import TITLE_FONTS, write
from rayonnage.demo.pen import CANVAS, Colour, random_colour, tint
from rayonnage.demo.titles import CoverText, pick

_BOOK = (250, 344)
_CASE = (330, 300)


def draw_cover(
    kind: str, text: CoverText, rank: int, rng: np.random.Generator, view: np.random.Generator
) -> Image.Image:
    """One view of a book or disc on a transparent square.

    Args:
        kind: book or cd.
        text: the words.
        rank: 1 front, 2 back, 3 spine or bare disc, 4 the front in perspective or an open page.
        rng: decides what all photos of the product share.
        view: decides what is this photo's own.

    Returns:
        RGBA, `CANVAS` pixels square.
    """
    paper = random_colour(rng)
    face = pick(TITLE_FONTS, rng)
    front = _front(kind, text, paper, face, rng)
    book = kind == "book"
    if rank == 2:
        return _centre((_back_of_book if book else _back_of_case)(text, paper, face))
    if rank == 3:
        return _centre((_spine if book else _disc)(text, paper, face))
    if rank == 4 and book and view.random() < 0.4:
        return _centre(_page(text))
    if not book:
        front = _case(front)
    return _lean(front, view) if rank == 4 else _centre(front)


def _front(kind: str, text: CoverText, paper: Colour, face: str, rng: np.random.Generator) -> Image.Image:
    width, height = _BOOK if kind == "book" else (300, 300)
    image = Image.new("RGBA", (width, height), (*paper, 255))
    art_low = rng.random() < 0.6
    art = (0, int(height * 0.56), width, height) if art_low else (0, 0, width, int(height * 0.38))
    _art(image, art, rng)
    ink = _ink(paper)
    top, bottom = (14, art[1] - 6) if art_low else (art[3] + 6, height - 30)
    person_first = rng.random() < 0.5
    if person_first:
        top = int(write(image, text.person, (14, top, width - 14, top + 28), ink, "DejaVuSans", (22, 14))) + 4
    room = bottom - top - (26 if text.subtitle else 0) - (0 if person_first else 28)
    # 36 px here is 18 px in the photo: capitals of about 13 px, as large as an OCR engine likes them.
    y = write(image, text.title, (10, top, width - 10, top + room), ink, face, (64, 30))
    if text.subtitle:
        y = write(image, text.subtitle, (12, y + 2, width - 12, y + 28), ink, "DejaVuSans", (22, 16))
    if not person_first:
        write(image, text.person, (14, y + 4, width - 14, y + 32), ink, "DejaVuSans", (22, 14))
    house_ink = (245, 245, 245) if art_low else ink
    write(image, text.house, (14, height - 24, width - 14, height), house_ink, "DejaVuSans", (16, 12))
    return image


def _art(image: Image.Image, box: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    """An abstract picture: sky, hills, a sun, or overlapping discs and bars."""
    x0, y0, x1, y1 = box
    patch = Image.new("RGB", (x1 - x0, y1 - y0), tint(random_colour(rng), 0.8))
    draw = ImageDraw.Draw(patch)
    width, height = patch.size
    style = int(rng.integers(3))
    for i in range(int(rng.integers(3, 7))):
        colour = tint(random_colour(rng), 0.85)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size = rng.uniform(20, 90)
        if style == 0:
            draw.ellipse([x - size, y - size, x + size, y + size], fill=colour)
        elif style == 1:
            lift = height * (0.25 + 0.12 * i)
            points = [(k * width / 8, lift + rng.uniform(-18, 18)) for k in range(9)]
            draw.polygon([(0, height), *points, (width, height)], fill=colour)
        else:
            bar = [(x, y), (x + size, y + size * 0.4), (x + size * 0.5, y + size), (x - size, y + size)]
            draw.polygon(bar, fill=colour)
    image.paste(patch, (x0, y0))


def _back_of_book(text: CoverText, paper: Colour, face: str) -> Image.Image:
    image = Image.new("RGBA", _BOOK, (*tint(paper, 0.95), 255))
    width, height = _BOOK
    ink = _ink(paper)
    y = write(image, text.title, (14, 14, width - 14, 80), ink, face, (32, 22)) + 8
    for phrase in text.phrases[:4]:
        y = write(image, phrase, (16, y, width - 16, y + 60), ink, "DejaVuSans", (22, 18), centred=False) + 4
    _barcode(image, (width - 92, height - 54))
    return image


def _page(text: CoverText) -> Image.Image:
    image = Image.new("RGBA", (340, 260), (246, 242, 230, 255))
    for x, phrases in ((14, text.phrases[:4]), (184, text.phrases[4:])):
        y = 16.0
        for phrase in phrases:
            y = write(image, phrase, (x, y, x + 142, y + 70), (50, 46, 42), "DejaVuSerif", (19, 15), centred=False) + 6
    shadow = ImageDraw.Draw(image)
    for i in range(10):
        shadow.line([(170 + i - 5, 0), (170 + i - 5, 260)], fill=(214 + 4 * abs(i - 5), 208 + 4 * abs(i - 5), 196, 255))
    return image


def _spine(text: CoverText, paper: Colour, face: str) -> Image.Image:
    spine = Image.new("RGBA", (344, 62), (*paper, 255))
    write(spine, text.title, (12, 10, 250, 62), _ink(paper), face, (36, 18))
    write(spine, text.person.split()[-1], (254, 20, 340, 62), _ink(paper), "DejaVuSans", (18, 12))
    ramp = Image.linear_gradient("L").resize(spine.size).point([int(60 - 0.2 * v) for v in range(256)])
    spine.paste(Image.new("RGBA", spine.size, (0, 0, 0, 255)), (0, 0), ramp)
    return spine.rotate(90, expand=True)


def _case(front: Image.Image) -> Image.Image:
    """A booklet behind the hinge of a jewel case."""
    image = Image.new("RGBA", _CASE, (38, 38, 42, 255))
    image.paste(front, (30, 0))
    draw = ImageDraw.Draw(image)
    for y in range(6, 300, 12):
        draw.line([(4, y), (24, y)], fill=(70, 70, 76, 255), width=3)
    gloss = Image.new("L", _CASE)
    ImageDraw.Draw(gloss).polygon([(230, 0), (330, 0), (330, 60)], fill=50)
    image.paste(Image.new("RGBA", _CASE, (255, 255, 255, 255)), (0, 0), gloss)
    return image


def _back_of_case(text: CoverText, paper: Colour, face: str) -> Image.Image:
    image = Image.new("RGBA", _CASE, (*tint(paper, 0.9), 255))
    ink = _ink(paper)
    y = write(image, text.title, (14, 10, 316, 60), ink, face, (30, 20)) + 6
    for number, phrase in enumerate(text.phrases[:7], start=1):
        y = write(image, f"{number}. {phrase}", (20, y, 316, y + 26), ink, "DejaVuSans", (20, 14), centred=False) + 3
    _barcode(image, (232, 246))
    return image


def _disc(text: CoverText, paper: Colour, face: str) -> Image.Image:
    image = Image.new("RGBA", (CANVAS, CANVAS))
    draw = ImageDraw.Draw(image)
    draw.ellipse([12, 12, 348, 348], fill=(206, 208, 214, 255))
    draw.ellipse([18, 18, 342, 342], fill=(*paper, 255))
    write(image, text.title, (70, 50, 290, 128), _ink(paper), face, (38, 20))
    write(image, text.person, (90, 246, 270, 276), _ink(paper), "DejaVuSans", (22, 14))
    write(image, text.house, (110, 282, 250, 304), _ink(paper), "DejaVuSans", (16, 12))
    draw.ellipse([130, 130, 230, 230], fill=(212, 214, 220, 255))
    draw.ellipse([160, 160, 200, 200], fill=(0, 0, 0, 0))
    return image


def _barcode(image: Image.Image, at: tuple[int, int]) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle([at[0], at[1], at[0] + 80, at[1] + 44], fill=(255, 255, 255, 255))
    for i in range(6, 74, 3):
        draw.line([(at[0] + i, at[1] + 5), (at[0] + i, at[1] + 38)], fill=(0, 0, 0, 255), width=1 + i % 2)


def _ink(paper: Colour) -> Colour:
    return (22, 20, 24) if sum(paper) > 360 else (248, 246, 236)


def _centre(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGBA", (CANVAS, CANVAS))
    canvas.paste(image, ((CANVAS - image.width) // 2, (CANVAS - image.height) // 2))
    return canvas


def _lean(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turn a cover around its vertical axis: the far edge is shorter."""
    canvas = _centre(image)
    squeeze, short = rng.uniform(0.70, 0.85), rng.uniform(0.04, 0.10)
    near, far = 0.5 - squeeze / 2, 0.5 + squeeze / 2
    target = np.array([[near, 0.0], [far, short], [far, 1 - short], [near, 1.0]])
    if rng.random() < 0.5:
        target = np.array([[1.0, 0.0] - target * [1, -1]])[0][[1, 0, 3, 2]]
    source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64) * CANVAS
    rows, values = [], []
    for (x, y), (u, v) in zip(target * CANVAS, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    # Pillow wants the map from the new picture to the old one, eight coefficients of a homography.
    coefficients = np.linalg.solve(np.array(rows), np.array(values))
    return canvas.transform(canvas.size, Image.Transform.PERSPECTIVE, coefficients.tolist(), Image.Resampling.BICUBIC)
