"""The section of a training's page that says how heads on a frozen backbone were chosen."""

from collections import defaultdict
from collections.abc import Sequence

from catalog.files.wording import plural
from catalog.reports.estimate import Estimate
from catalog.reports.page import Plot, Section, Table
from catalog.reports.plots import colours, drawing, svg
from mosaic.training.head_history import HeadRecord


def heads_section(records: Sequence[HeadRecord]) -> Section:
    """A row for each fit, and log loss and accuracy over what was tried."""
    fits = defaultdict(list)
    for record in records:
        fits[record.fit].append(record)
    columns = ["Fit", "products", "leaves", "C", "temperature", "log loss", "accuracy", "time"]
    rows = []
    for tried in fits.values():
        best = next(record for record in tried if record.chosen)
        rows.append([
            best.fit, best.products, best.leaves, f"{best.c:.2g}", Estimate(best.temperature, digits=2, scale=1),
            Estimate(best.log_loss, digits=3, scale=1), Estimate(best.accuracy), f"{best.seconds:.0f} s",
        ])  # fmt: skip
    sentence = (
        "The backbone is as it was before: what it sees of each product was computed once, and "
        f"{plural(len(fits), 'head')} fitted on it, a logistic regression over all leaves. C, the inverse strength of "
        "its regularisation, is the one of the lowest log loss in cross-validation among the products of the fit. "
        "The deployed head has that of the held-out parts' heads, and their temperature (geometric means)."
    )
    table = Table("", columns, rows, more="Log loss in nats and accuracy in percent, both in that cross-validation.")
    judged = {fit: tried for fit, tried in fits.items() if tried[0].log_loss is not None}
    return Section("heads", "What was fitted", [sentence], [*([_curves(judged)] if judged else []), table])


def _curves(fits: dict[str, list[HeadRecord]]) -> Plot:
    with drawing(9.6, 3.2) as figure:
        axes = figure.subplots(1, 2)
        for (fit, tried), colour in zip(fits.items(), colours(len(fits)), strict=True):
            for axis, name in zip(axes, ("log_loss", "accuracy"), strict=True):
                values = [getattr(record, name) for record in tried]
                axis.plot([record.c for record in tried], values, "o-", label=fit, color=colour, linewidth=1.5,
                          markersize=3)  # fmt: skip
        for axis, label in zip(axes, ("log loss (nats)", "accuracy"), strict=True):
            axis.set(title=label, xlabel="C", xscale="log")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
        return Plot("", "Cross-validation among the products of each fit, groups kept together.", svg(figure))
