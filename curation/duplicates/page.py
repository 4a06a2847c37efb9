"""The page of `catalog duplicates`: figures, and the groups that are worth a look with their photos."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent, plural
from catalog.metrics.intervals import MetricValue
from catalog.reports.estimate import Estimate
from catalog.reports.page import Card, Page, Section, Table
from curation.duplicates.findings import Findings
from curation.duplicates.group_gallery import GroupPhotos
from curation.duplicates.groups import COMMON, EXACT, KINDS, NEAR
from curation.duplicates.title_gallery import title_gallery

SHOWN_GROUPS = 10


def page_of(findings: Findings, counts: dict[str, Any]) -> Page:
    """The page; `counts`: `Findings.to_json()`."""
    kinds = [kind for kind in (EXACT, NEAR) if kind == EXACT or findings.hashes is not None]
    sections = [_groups_section(counts, kinds), *_titles_section(findings, counts)]
    if "leak" in counts:
        sections.insert(0, _leak_section(counts, kinds))
    shown_above = np.zeros(0, np.int64)
    for key, title, text, groups in _worth_a_look(findings):
        # those shown further up would hide the others
        is_above = np.isin(groups, shown_above)
        chosen = np.concatenate([groups[~is_above], groups[is_above]])[:SHOWN_GROUPS]
        shown_above = np.concatenate([shown_above, chosen])
        if len(chosen) < len(groups):
            text += f" {len(chosen)} of {len(groups):,} are shown; the table has them all."
        galleries = [GroupPhotos(findings, int(group)).gallery() for group in chosen]
        sections += [Section(key, title, [text], galleries)] if galleries else []
    names = " against ".join(catalog.name for catalog in findings.photos.catalogs)
    subtitle = " against ".join(counts["catalogues"])
    return Page(f"Copies of photos: {names}", subtitle, _cards(counts, kinds), sections)


def _cards(counts: dict[str, Any], kinds: list[str]) -> list[Card]:
    cards = [
        Card("Products", f"{counts['products']:,}"),
        Card("Photos", f"{counts['photos']:,}", f"{counts['distinct_photos']:,} distinct"),
        Card("Copies", percent(counts["copies"] / counts["photos"]), "of photos repeat another"),
    ]
    for kind in kinds:
        groups = counts["groups"][kind]
        added = f", {counts['near']['products_added']:,} of them in no group by exact copies" if kind == NEAR else ""
        below = f"{groups['products']:,} products{added}{', in both catalogues' if 'leak' in counts else ''}"
        cards.append(Card(f"Groups by {kind} copies", f"{groups['groups']:,}", below))
    if "titles" in counts:
        titles = counts["titles"]
        below = f"of {plural(titles['shared'], 'title')} that several products have"
        cards.append(Card("Titles in different categories", f"{titles['in_different_categories']:,}", below))
    if "leak" in counts:
        leak, (first, second) = counts["leak"], counts["catalogues"]
        below = f"of {leak['products']:,} products: {leak[EXACT]['products']:,} by exact copies"
        if NEAR in leak:
            below += f", {leak[NEAR]['products']:,} by near ones alone"
        share = sum(leak[kind]["share"] for kind in kinds)
        cards.append(Card(f"{second}, seen in {first}", percent(share), below))
    return cards


def _leak_section(counts: dict[str, Any], kinds: list[str]) -> Section:
    leak, (first, second) = counts["leak"], counts["catalogues"]
    sentences = [
        f"Products of {second} that share a photo with a product of {first}; how often the categories of such a pair "
        "agree, where both are labelled (95 % interval). Near: a photo that looks alike, and no exact copy. "
        f"{leak['common_photos_only']:,} products share only photos too common to mean anything."
    ]
    rows = [
        [
            kind, leak[kind]["products"], Estimate(leak[kind]["share"]), leak[kind]["pairs"],
            leak[kind]["labelled_pairs"], Estimate.of(MetricValue.from_json(leak[kind], "category_agrees")),
        ]
        for kind in kinds
    ]  # fmt: skip
    columns = ["", "products", "share, %", "pairs", "labelled pairs", "category agrees, %"]
    return Section("leak", f"What {first} gives away of {second}", sentences, [Table("", columns, rows)])


def _groups_section(counts: dict[str, Any], kinds: list[str]) -> Section:
    common = counts["common_photos"]
    sentences = [
        "Products are linked when they share a photo, directly or through others; a photo of more than "
        f"{counts['max_copies']} products links nothing ({common['photos']:,} such photos, on {common['products']:,} "
        f"products). {counts['repeated_within_a_product']:,} photos stand twice in their own product."
    ]
    if "near" in counts:
        near = counts["near"]
        sentences += [
            "The search for near copies changes nothing of the groups by exact ones; its own groups are those that add "
            "a link to them, so that a product may stand in one of each kind "
            f"({near['groups_within_exact_ones']:,} that lie within a group by exact copies are left out).",
            f"Near copies differ in at most {near['distance']} of 64 bits of their perceptual hash; "
            f"{near['plain_photos']:,} plain photos (one colour) are like no other, {near['common_looks']:,} looks are "
            f"too common to link, {near['unreadable_photos']:,} photos could not be decoded.",
        ]
    tables = [
        Table(title, [first, *kinds], rows)
        for title, first, what in (("By size", "products", "sizes"), ("By where the categories part", "", "categories"))
        if (rows := _rows(counts["groups"], kinds, what))
    ]
    return Section("groups", "Groups", sentences if tables else [*sentences, "No group was found."], tables)


def _rows(groups: dict[str, Any], kinds: list[str], what: str) -> list[list[object]]:
    """Rows of a table over the kinds, without those of zeros alone."""
    rows = [(name, [groups[kind][what][name] for kind in kinds]) for name in groups[EXACT][what]]
    return [[name, *counts] for name, counts in rows if any(counts)]


def _titles_section(findings: Findings, counts: dict[str, Any]) -> list[Section]:
    """Products that are called alike; none where there are no titles."""
    titles = findings.titles
    if titles is None:
        return []
    n = counts["titles"]
    sentences = [
        f"{plural(n['products'], 'product has', 'products have')} a title, {n['distinct']:,} of them distinct but for "
        f"letter case and blanks. {plural(n['shared'], 'title stands', 'titles stand')} on several products "
        f"({n['products_sharing']:,} in all, up to {n['largest']:,} of one title): mostly variants of one article."
    ]
    if "leak" in n:
        first, second = counts["catalogues"]
        leak = n["leak"]
        agrees = Estimate.of(MetricValue.from_json(leak, "category_agrees"))
        labels = (
            f" Of {leak['labelled']:,} labelled ones {agrees.text} % have its category." if leak["labelled"] else ""
        )
        sentences.append(
            f"{plural(leak['products'], 'product')} of {second} ({percent(leak['share'])}) "
            f"{'has' if leak['products'] == 1 else 'have'} the title of a product of {first}.{labels}"
        )
    across = titles.across[:SHOWN_GROUPS]
    if len(across):
        which = f" {len(across)} of them are shown." if len(across) < len(titles.across) else ""
        sentences.append(
            f"{plural(len(titles.across), 'title stands', 'titles stand')} on products of different categories, those "
            f"that part highest in the tree first: a label is wrong, or the title says nothing.{which}"
        )
    return [Section("titles", "Titles", sentences, [title_gallery(findings, int(title)) for title in across])]


def _worth_a_look(findings: Findings) -> list[tuple[str, str, str, NDArray[np.int64]]]:
    """Key, title, explanation and groups of each section with photos, the groups most worth a look first."""
    groups = findings.groups
    kind, parts, size = groups.group_kind, groups.parts_at, groups.size
    number = np.arange(len(kind))
    exact, near, common = (number[kind == KINDS.index(name)] for name in (EXACT, NEAR, COMMON))
    across = number[(kind != KINDS.index(COMMON)) & (parts > 0)]
    across = across[np.lexsort((-size[across], kind[across], parts[across]))]
    furthest = np.zeros(len(kind), np.int64)
    np.maximum.at(furthest, groups.group, groups.distance.astype(np.int64))
    return [
        (
            "across",
            "Copies across categories",
            "Groups whose products lie in different categories, those that part highest in the tree first: a label is "
            "wrong, or the photo says nothing of its product.",
            across,
        ),
        (
            "near",
            "Near copies",
            "Photos that look alike, on products that exact copies do not link; those furthest apart first.",
            near[np.lexsort((-size[near], -furthest[near]))],
        ),
        (
            "largest",
            "The largest groups",
            "Products that share photos byte for byte, directly or through others.",
            exact,
        ),
        (
            "common",
            "Photos too common to link",
            f"Photos of more than {findings.max_copies} products: logos, notices, missing images. Each stands alone.",
            common,
        ),
    ]
