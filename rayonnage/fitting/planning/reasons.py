"""Why a plan was chosen, and what was left out of it, in plain words: the notes of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from catalog.files.wording import joined, percent, plural
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.decision_costs import has_titles
from rayonnage.fitting.planning.gains import Words
from rayonnage.fitting.planning.needs import STEP, can_read, in_gb
from rayonnage.fitting.planning.options import SOME_WORDS, SPECIALIST_PRODUCTS
from rayonnage.fitting.planning.parts import products_of, with_photos
from rayonnage.fitting.planning.plan_words import NAMES, long_text, network_text
from rayonnage.fitting.planning.plans import FitPlan
from rayonnage.fitting.recipe import Choice, Recipe


@dataclass(frozen=True)
class Reasons:
    """What the notes are made of.

    Attributes:
        recipe: that was chosen, without its notes. plan: it is of. wanted: what is worth its time where the best is.
        time_s: that was given, None for none. memory: bytes that may be used.
    """

    recipe: Recipe
    plan: FitPlan
    wanted: FitPlan
    survey: CatalogSurvey
    speed: MachineSpeed
    time_s: float | None
    memory: int

    def choices(self) -> dict[str, Choice]:
        """By the key of the stage, or of what was decided."""
        notes: dict[str, Callable[[], Iterator[tuple[str, Choice]]]] = {
            "split": self._split, "photos": self._photos, "reading": self._reading, "fusion": self._fusion,
            "titles": self._titles, "group": self._group, "memory": self._memory,
        }  # fmt: skip
        return {key: choice for note in notes.values() for key, choice in note()}

    def _split(self) -> Iterator[tuple[str, Choice]]:
        fit, n = self.recipe.fit, with_photos(self.survey)
        if fit.folds:
            chosen = f"every product is held out once, in {fit.folds} parts"
            why = (
                f"with {plural(n, 'product')} a single held-out part proves too little of how sure an answer must be; "
                f"what is learnt is learnt {fit.folds + 1} times for that"
            )
        else:
            share = fit.held_out or 0.2
            chosen = f"{percent(share, 0)} of the products are held out once, to measure by"
            why = f"{plural(round(n * share), 'product')} tell how sure an answer must be"
        instead = ""
        if self.wanted.part_points > self.plan.part_points + 0.05:
            wanted = self.wanted.parts
            other = f"{wanted['folds']} parts, each held out in turn" if wanted["folds"] else "a larger held-out part"
            instead = f"{other}: more would be given unseen, since more products prove it"
        yield "split", Choice(chosen=chosen, why=why, seconds=self.plan.split, instead=instead)

    def _photos(self) -> Iterator[tuple[str, Choice]]:
        photos, wanted = self.plan.photos, self.wanted.photos
        more = _more(
            f"learning with {network_text(self.wanted)}", wanted.points - photos.points, wanted.total - photos.total
        )
        for network in photos.networks:
            key = f"mosaic-{network}"
            seconds = photos.seconds[key]
            if network == "any":
                yield key, Choice(chosen=network_text(self.plan), why=self._why_network(), seconds=seconds, **more)
            elif network == "photos":
                second = NAMES.get(str(photos.overlay.get("second_backbone")), "a second network")
                yield (
                    key,
                    Choice(
                        chosen=f"{second} looks at single photos",
                        why="a second opinion on photos brought most on groceries: 83 % right alone, where one had 78",
                        seconds=seconds,
                    ),
                )
            else:
                count = plural(products_of(network, self.survey), "product")
                photos_each = plural(int(network), "photo")
                yield (
                    key,
                    Choice(
                        chosen=f"a network of its own for products of {photos_each}",
                        why=f"{count} have so many: enough to learn from, and there is time",
                        seconds=seconds,
                    ),
                )
        counts = [n for n in ("1", "2", "3", "4") if n not in photos.networks]
        few = [n for n in counts if 0 < self.survey.n_by_images[int(n)] < SPECIALIST_PRODUCTS]
        if few:
            yield (
                "networks",
                Choice(
                    chosen=f"no network of their own for products of {joined(few)} photos",
                    why=f"fewer than {SPECIALIST_PRODUCTS} of them each: the network for any number serves them, too",
                ),
            )

    def _why_network(self) -> str:
        config = self.recipe.photo_config
        n = plural(self.survey.n_photos, "photo")
        if config.method == "linear":
            return f"with {n}, a network that learns for a short time is no better, and takes many times as long"
        if config.method == "auto":
            return f"which of both is better with {n} is not known beforehand: products that are held out decide"
        return f"so much can be learnt from {n} {self._in_time()}"

    def _in_time(self) -> str:
        return "in the time" if self.time_s is not None else "before more time brings little"

    def _reading(self) -> Iterator[tuple[str, Choice]]:
        reading, wanted = self.plan.reading, self.wanted.reading
        words = Words.of(self.speed, self.survey)
        what = "reading more of the photos" if reading.overlay is not None else "reading the photos"
        more = _more(what, wanted.points - reading.points, wanted.seconds - reading.seconds)
        if reading.overlay is None:
            yield "reading", Choice(chosen="photos are not read", why=self._why_unread(words), **more)
            return
        where = joined(reading.expected)
        told = self._words_on(reading.expected, words)
        config = self.recipe.reading_config
        if config.shelves == "auto":
            chosen = f"a sample of each category is read, then those where it pays: {where} perhaps"
        else:
            chosen = f"photos of {where} are read"
        if "texts_per_leaf" in reading.overlay.get("text", {}):
            chosen += f", of at most {config.text.texts_per_leaf} products a category to learn from"
        yield (
            "ocr",
            Choice(chosen=chosen, why=told, seconds=reading.seconds, **more),
        )

    def _why_unread(self, words: Words) -> str:
        if not can_read(self.memory):
            return f"{in_gb(self.memory)} of memory hold no process that reads, however much there is to read"
        most = max((words.on(shelf) for shelf in self.survey.shelves), default=words.overall)
        seen = f"at most {most:.1f} words a photo were seen" if most >= 0.05 else "no words were seen on them"
        if most < SOME_WORDS:
            return f"{seen}: hardly anything to read"
        return f"{seen}, and {self._no_time(is_wanted=self.wanted.reading.overlay is not None)}"

    def _words_on(self, expected: tuple[str, ...], words: Words) -> str:
        """What speaks for reading some shelves."""
        tried = self.speed.words_of_shelf
        seen = [f"{tried[name]:.1f} words a photo on {name}" for name in expected if name in tried]
        known = [name for name in expected if name in words.each and name not in tried]
        told = [f"{joined(seen)} in a trial"] if seen else []
        told += [f"{joined(known)}: known for {'its' if len(known) == 1 else 'their'} words"] if known else []
        return joined(told) if told else "it may pay there, or it was asked for"

    def _no_time(self, *, is_wanted: bool) -> str:
        no_time = self.time_s is not None and is_wanted
        return "there is no time for it" if no_time else "it would bring little for its time"

    def _fusion(self) -> Iterator[tuple[str, Choice]]:
        seconds = self.plan.photos.seconds["fusion"]
        yield (
            "fusion",
            Choice(
                chosen="every way to weigh the opinions is tried, the best one decides",
                why="which is best is seen on held-out products",
                seconds=seconds,
            ),
        )
        photos, wanted = self.plan.photos, self.wanted.photos
        if photos.neighbours:
            yield (
                "neighbours",
                Choice(
                    chosen="labelled products that look alike are asked, where that proves to help",
                    why="it helps most where networks have learnt for a short time: 2.3 points on the shelf benchmark",
                ),
            )
        elif with_photos(self.survey) > self.recipe.decision_config.neighbour_products:
            yield (
                "neighbours",
                Choice(
                    chosen="labelled products that look alike are not asked",
                    why=f"{plural(with_photos(self.survey), 'product')} are too many to compare with",
                ),
            )
        else:
            seconds = wanted.seconds["fusion"] - photos.seconds["fusion"]
            yield (
                "neighbours",
                Choice(
                    chosen="labelled products that look alike are not asked",
                    why=self._no_time(is_wanted=wanted.neighbours),
                    **_more("asking labelled products that look alike", wanted.neighbour_points, seconds),
                ),
            )

    def _titles(self) -> Iterator[tuple[str, Choice]]:
        survey = self.survey
        if has_titles(survey):
            yield (
                "titles",
                Choice(
                    chosen="titles are heard",
                    why=f"{plural(survey.n_titled, 'product')} have one, {survey.n_distinct_titles:,} different ones",
                ),
            )
        elif survey.n_titled:
            yield "titles", Choice(chosen="titles are not heard", why="too few products have one")

    def _group(self) -> Iterator[tuple[str, Choice]]:
        if self.recipe.fit.group is not None:
            yield (
                "group",
                Choice(
                    chosen=f"products of one {self.recipe.fit.group} stay together",
                    why="variants of an article are as good as copies: figures would be flattered",
                ),
            )

    def _memory(self) -> Iterator[tuple[str, Choice]]:
        photos = self.recipe.photo_config.photos_per_batch
        if photos < STEP:
            yield (
                "memory",
                Choice(
                    chosen=f"{plural(photos, 'photo')} at a time", why=f"{in_gb(self.memory)} of memory may be used"
                ),
            )


def _more(what: str, points: float, seconds: float) -> dict[str, Any]:
    """Of a `Choice`: what was left out, what that would bring, and take; nothing where it would bring nothing."""
    if points <= 0.05:
        return {}
    time = f", for {long_text(seconds)} more" if seconds >= 1 else ""
    told = f"{what}: about {points:.1f} points more in our measurements{time}"
    return {"instead": told, "points": round(points, 1)}
