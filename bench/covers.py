"""Book covers with known text, drawn for `bench/ocr_engines.py`: French titles, eleven fonts, 180 x 180 JPEG."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 180
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic",
)  # fmt: skip
BOOKS = (
    ("Les Misérables", "Victor Hugo"),
    ("Le Père Goriot", "Honoré de Balzac"),
    ("L'Éducation sentimentale", "Gustave Flaubert"),
    ("Thérèse Raquin", "Émile Zola"),
    ("À la recherche du temps perdu", "Marcel Proust"),
    ("La Bête humaine", "Émile Zola"),
    ("Vingt mille lieues sous les mers", "Jules Verne"),
    ("Le Comte de Monte-Cristo", "Alexandre Dumas"),
    ("La Chartreuse de Parme", "Stendhal"),
    ("Les Liaisons dangereuses", "Choderlos de Laclos"),
    ("Contes du chat perché", "Marcel Aymé"),
    ("Le Château de ma mère", "Marcel Pagnol"),
    ("La Gloire de mon père", "Marcel Pagnol"),
    ("Le Blé en herbe", "Colette"),
    ("Poèmes saturniens", "Paul Verlaine"),
    ("Une saison en enfer", "Arthur Rimbaud"),
    ("Le Cid", "Pierre Corneille"),
    ("Les Fourberies de Scapin", "Molière"),
    ("Phèdre", "Jean Racine"),
    ("Candide ou l'Optimisme", "Voltaire"),
    ("Émile ou de l'éducation", "Jean-Jacques Rousseau"),
    ("Bel-Ami", "Guy de Maupassant"),
    ("Le Tour du monde en quatre-vingts jours", "Jules Verne"),
    ("La Princesse de Clèves", "Madame de La Fayette"),
    ("Mémoires d'outre-tombe", "Chateaubriand"),
    ("Notre-Dame de Paris", "Victor Hugo"),
    ("La Dame aux camélias", "Alexandre Dumas fils"),
    ("Les Fleurs du mal", "Charles Baudelaire"),
    ("Guide des arbres de forêt", "Hélène Lefèvre"),
    ("Recettes légères d'été", "Zoé Brûlé"),
    ("Histoire de la Révolution française", "Jules Michelet"),
    ("Apprendre le français en 90 leçons", "François Noël"),
)


@dataclass(frozen=True)
class Cover:
    """An encoded photo and the text printed on it, title before author."""

    photo: bytes
    text: str


def plain(number: int) -> Cover:
    """Cover number `number`: dark on light or light on dark."""
    picture, text = _drawn(number, contrast=1.0)
    return Cover(_jpeg(picture), text)


def faint(number: int) -> Cover:
    """The same with a fifth of the contrast, as in a bad scan."""
    picture, text = _drawn(number, contrast=0.2)
    return Cover(_jpeg(picture), text)


def skewed(number: int) -> Cover:
    """The same, photographed 3 to 8 degrees askew."""
    picture, text = _drawn(number, contrast=1.0)
    rng = np.random.default_rng([1, number])
    angle = float(rng.uniform(3, 8) * rng.choice([-1, 1]))
    return Cover(_jpeg(picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=picture.getpixel((0, 0)))), text)


def turned(number: int) -> Cover:
    """The same, turned by 90, 180 or 270 degrees."""
    picture, text = _drawn(number, contrast=1.0)
    return Cover(_jpeg(picture.rotate(90 * (1 + number % 3))), text)


def _drawn(number: int, contrast: float) -> tuple[Image.Image, str]:
    rng = np.random.default_rng(number)
    title, author = BOOKS[number % len(BOOKS)]
    paper, ink = rng.integers(185, 256, 3), rng.integers(0, 90, 3)
    ink = np.rint(paper + contrast * (ink - paper))
    if number % 3 == 0:
        paper, ink = ink, paper
    colours = tuple(tuple(int(channel) for channel in colour) for colour in (paper, ink))
    picture = Image.new("RGB", (SIZE, SIZE), colours[0])
    draw = ImageDraw.Draw(picture)
    name, size = FONTS[number % len(FONTS)], int(rng.integers(16, 23))
    font = ImageFont.truetype(Path(matplotlib.get_data_path(), f"fonts/ttf/{name}.ttf"), size)
    widest = int((SIZE - 24) / font.getlength("n"))
    top = int(rng.integers(10, 26))
    for line in textwrap.wrap(title, widest, break_long_words=False):
        draw.text((12, top), line, colours[1], font=font)
        top += round(1.35 * size)
    small = ImageFont.truetype(Path(matplotlib.get_data_path(), f"fonts/ttf/{name}.ttf"), 13)
    draw.text((12, SIZE - 30), author, colours[1], font=small)
    return picture, f"{title} {author}"


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
