"""The page of `fusion evaluate` for two readers: who manages the catalogue, and, folded, who trains the models."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.reports.evaluation import Evaluation, figure_sections
from catalog.reports.page import Page, Section
from fusion.evaluation.measurement import Measurement
from fusion.evaluation.overview import cards, decisions_section, next_section, right_section, summary_section
from fusion.proof import PROVED

MISTAKES, CORRECTED = "Surest mistakes", "Corrected by the text"
NOTES = {
    MISTAKES: "Wrong, and very sure of it. Often it is the label that is wrong.",
    CORRECTED: "Right, although the photos alone would have put them elsewhere.",
}
HOW_TO_READ = (
    "In bold a product's number, the category that it was put on, and how sure that is; below it its label, what each "
    "source says by itself (photos, text, copies of known photos{titles}), and the words that were read on it."
)
RESEARCH = "Tables behind these figures for who trains the models: heads, experts, calibration. Each opens at a click."


def page_of(measurement: Measurement, evaluation: Evaluation, target: float, warnings: Sequence[str]) -> Page:
    """The page; `target`: the precision that was asked for of what is accepted unseen, in [0, 1]."""
    galleries = [replace(gallery, note=NOTES[gallery.title]) for gallery in evaluation.galleries()]
    confusions = evaluation.confusion_section()
    how_to_read = HOW_TO_READ.format(titles=", the shop's titles" if measurement.has_titles else "")
    sections = [
        summary_section(measurement, target),
        right_section(measurement),
        decisions_section(measurement, evaluation.tree),
        *(section for section in evaluation.sections if section.key == PROVED),
        replace(confusions, title="Categories that are mixed up most often", sentences=[how_to_read]),
        Section("examples", "Examples", parts=galleries),
        next_section(measurement, target),
        Section("research", "For researchers", [RESEARCH]),
    ]
    summary = Section("summary", "The figures in sentences", evaluation.summary)
    others = (section for section in evaluation.sections if section.key != PROVED)
    research = [summary, *others, *figure_sections(evaluation.models, evaluation.tree.level_names)]
    sections += [replace(section, folded=True) for section in research]
    facts = evaluation.facts
    return Page(evaluation.title, evaluation.subtitle, cards(measurement), sections, facts, warnings)
