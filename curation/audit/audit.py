"""`catalog audit`: from labels and held-out probabilities to suspects.csv, audit.json and audit.html."""

from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.reports.write import write_page
from catalog.runs.workspace import Workspace
from catalog.split.labels import true_leaves
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import LabelEvidence
from curation.audit.evidence_source import By, find_evidence
from curation.audit.judgement import Judgement, judge
from curation.audit.listing import list_suspects
from curation.audit.page import numbers_of, page_of
from curation.audit.sheet import refuse_filled, write_suspects
from curation.audit.suspects import Order, Suspects, find_suspects

SHEET, NUMBERS, PAGE = "suspects.csv", "audit.json", "audit.html"
MANY = 0.1
"""Share of suspected labels from which on the evidence is as suspect as the labels."""


@dataclass(frozen=True)
class Audit:
    """What was found, and where it was written."""

    folder: Path
    tree: Taxonomy
    evidence: LabelEvidence
    suspects: Suspects
    n_listed: int
    judgement: Judgement | None

    def summary(self) -> str:
        """A few lines for people."""
        scores, n = self.evidence.scores, len(self.suspects)
        n_across = int((scores.distance[self.suspects.rows] == self.tree.depth).sum())
        # in a tree of one level all of them are
        across = f", {n_across:,} of them across {self.tree.level_names[1]}" if self.tree.depth > 1 else ""
        counts = ", ".join(f"{what} {count:,}" for what, count in self.evidence.counts.items())
        lines = [
            f"by {self.evidence.expert}",
            f"products: {counts}",
            f"{plural(n, 'label')} suspected ({n / len(scores):.1%}){across}: {self.folder / SHEET}",
        ]
        if n > MANY * len(scores):
            lines.append(
                f"more than {MANY:.0%}: either many labels are wrong, or what they are held against is poor (a network "
                "trained too short); look at some before you correct all"
            )
        if self.n_listed < n:
            lines.append(f"the sheet holds the first {self.n_listed:,} (--rows)")
        if self.judgement is not None:
            lines += self._judged(self.judgement)
        return "\n".join(lines)

    def _judged(self, judgement: Judgement) -> list[str]:
        recall = f"; {judgement.recall[0][1]} % of the wrong labels are suspected" if judgement.n_wrong else ""
        lines = [
            f"truth known of {judgement.n:,}, {judgement.n_wrong:,} labelled wrong: "
            f"{judgement.precision} % of the suspected labels are wrong{recall}"
        ]
        if judgement.n_wrong:
            several = self.tree.depth > 1
            orders = [
                f"{name} {r.average_precision.text}" + (f" ({r.across.text})" if several else "")
                for name, r in judgement.rankings.items()
            ]
            what = f" (of mistakes across {self.tree.level_names[1]})" if several else ""
            lines.append(f"average precision, %{what}: {', '.join(orders)}")
        return lines


@dataclass(frozen=True)
class AuditOptions:
    """What an audit looks at, and how it is written.

    Attributes:
        run, probabilities: whose held-out probabilities; by default the best of the workspace.
        truth: a CSV with product_id and category_id, which the suspects are measured against.
        order: which suspects come first.
        rows: suspects that the sheet holds.
        overwrite: replace a sheet that somebody has filled.
        by: what is asked.
    """

    run: Path | None = None
    probabilities: Path | None = None
    truth: Path | None = None
    order: Order = Order.TREE
    rows: int = 100_000
    overwrite: bool = False
    by: By = By.BOTH


def run_audit(
    catalog: Catalog,
    tree: Taxonomy,
    workspace: Workspace,
    output: Path,
    options: AuditOptions,
    progress: Progress | None = None,
) -> Audit:
    """Audit a catalogue's labels and write sheet, numbers and page into `output`.

    Raises:
        FileExistsError: a filled sheet lies there.
        FileNotFoundError, ValueError: as `find_evidence`, `true_leaves` and `judge` raise them.
    """
    if not options.overwrite:
        refuse_filled(output / SHEET)
    truth = None if options.truth is None else true_leaves(catalog, tree, options.truth)
    evidence = find_evidence(catalog, tree, workspace, options.run, options.probabilities, progress, options.by)
    suspects = find_suspects(evidence, tree, options.order)
    judgement = None if truth is None else judge(evidence, suspects, truth[evidence.positions], tree)
    listed = list_suspects(catalog, tree, evidence, suspects, options.rows, progress)
    output.mkdir(parents=True, exist_ok=True)
    write_suspects(output / SHEET, listed)
    page = page_of(catalog, tree, evidence, suspects, listed, judgement)
    write_page(output / PAGE, page, numbers_of(catalog, tree, evidence, suspects, judgement))
    return Audit(output, tree, evidence, suspects, len(listed), judgement)
