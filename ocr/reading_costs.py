"""What reading costs and brings, on the page of `ocr evaluate`: by category where these were chosen, by threshold."""

import numpy as np

from catalog.reports.page import Plot, Section, Table
from catalog.reports.plots import GREEN, RED, SOFT, drawing, svg
from ocr.details import OcrDetails
from ocr.route import RouteCurve
from ocr.shelves.choice import COLUMNS, ShelfChoice, row_of

MAX_NAMED = 8
"""Categories whose names stand in the drawing: more would cover each other."""


def reading_costs(details: OcrDetails) -> list[Section]:
    """Where reading pays and from which probability on, drawn and as tables; nothing of what was configured."""
    sections = []
    choice, curve = details.shelf_choice, details.route_curve
    if choice is not None:
        shown = (_choice_plot(choice), _choice_table(choice))
        sections.append(Section("shelves", "Where reading pays", [choice.sentence()], shown))
    if curve is not None:
        about = curve, details.seconds_per_photo, details.route_threshold
        sections.append(Section("route", "What reading costs", parts=[_route_plot(*about), _route_table(*about)]))
    return sections


def _choice_table(choice: ShelfChoice) -> Table:
    note = (
        "A sample of every category was read. Judged are held-out products that the photos put there, by text models "
        "that have not seen them: the share that is right at the leaf by the photos alone and with the words, and how "
        "many more are right for every 100 photos read, with its 95 % interval. The text model of this run has learnt "
        "from more products, those of all the categories that are read together."
    )
    return Table("Where reading pays", COLUMNS, [row_of(gain) for gain in choice.categories], note)


def _choice_plot(choice: ShelfChoice) -> Plot:
    """Accuracy over all products judged against photos read, category by category, those that gain most first."""
    curve = choice.curve()
    with drawing(4.7, 3.1) as figure:
        axis = figure.subplots()
        x, y = np.array([(point.photos, point.accuracy) for point in curve]).T
        n_chosen = len(choice.chosen)
        axis.plot(x, 100 * y, "o-", color=SOFT, markersize=4)
        axis.plot(x[: n_chosen + 1], 100 * y[: n_chosen + 1], "o-", color=GREEN, markersize=4)
        axis.plot(x[n_chosen], 100 * y[n_chosen], "o", color=RED, markersize=8)
        for point in curve[: MAX_NAMED + 1]:
            name = point.category or "nothing read"
            at = (point.photos, 100 * point.accuracy)
            # downwards, as the points that gain nothing stand beside each other at one height
            axis.annotate(
                name, at, xytext=(2, -6), textcoords="offset points", ha="left", va="top", rotation=-40, fontsize=7,
                rotation_mode="anchor",
            )  # fmt: skip
        axis.margins(y=0.35)
        axis.set(xlim=(-0.04 * x.max(), 1.25 * x.max()))
        axis.set(xlabel="photos read per 1000 products", ylabel="right at the leaf, %")
        caption = (
            "Right over all held-out products against reading, one category after the other, those that gain most for "
            "each photo first; up to the red point they are read."
        )
        return Plot("Where reading pays", caption, svg(figure))


def _route_table(curve: RouteCurve, seconds: float | None, threshold: float) -> Table:
    rows: list[list[object]] = [["nothing", 0, 0, "0 s", f"{100 * curve.without_text:.2f} %"]]
    for point in curve.points:
        mark = "  (chosen)" if point.threshold == threshold else ""
        time = "-" if seconds is None else f"{point.photos * seconds:.1f} s"
        rows.append(
            [f"from {point.threshold:g}{mark}", point.products, point.photos, time, f"{100 * point.accuracy:.2f} %"]
        )
    note = (
        f"What is read of the {curve.n_products} held-out products, by the probability that the photos give the "
        "shelves: reading time on this machine, and the share of all products whose leaf is right when the photos say "
        "how likely the shelves are and the text, or both together, which leaf. A higher threshold must save "
        "2 % of the photos to be chosen."
    )
    return Table("What reading costs and brings", ["read", "products", "photos", "time", "leaf accuracy"], rows, note)


def _route_plot(curve: RouteCurve, seconds: float | None, threshold: float) -> Plot:
    cost = (seconds or 1.0) * 1000 / curve.n_products
    with drawing(4.7, 3.1) as figure:
        axis = figure.subplots()
        x = np.array([0, *(point.photos for point in curve.points[::-1])]) * cost
        y = 100 * np.array([curve.without_text, *(point.accuracy for point in curve.points[::-1])])
        axis.plot(x, y, "o-", color=GREEN, markersize=4)
        chosen = next(p for p in curve.points if p.threshold == threshold)
        at = (chosen.photos * cost, 100 * chosen.accuracy)
        axis.plot(*at, "o", color=RED, markersize=8)
        axis.annotate(f"from {chosen.threshold:g}", at, xytext=(-8, 6), textcoords="offset points", ha="right")
        axis.annotate("nothing read", (x[0], y[0]), xytext=(10, -4), textcoords="offset points", va="top")
        axis.margins(y=0.15)
        axis.set(ylabel="leaf accuracy, %", xlim=(-0.04 * x.max() if x.max() else -1, None))
        axis.set_xlabel("photos read per 1000 products" if seconds is None else "seconds of reading per 1000 products")
        caption = "Leaf accuracy over all held-out products against reading; the red point is the threshold in use."
        return Plot("What reading costs and brings", caption, svg(figure))
