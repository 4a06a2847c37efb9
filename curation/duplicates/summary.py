"""What was found about copies in a few lines for people."""

from typing import Any


def summary_text(counts: dict[str, Any]) -> str:
    """`counts`: `Findings.to_json()`."""
    lines = [
        f"{' and '.join(counts['catalogues'])}: {counts['products']:,} products, {counts['photos']:,} photos, "
        f"{counts['distinct_photos']:,} distinct ({counts['copies'] / counts['photos']:.1%} are copies)"
    ]
    where = " in both catalogues" if "leak" in counts else ""
    for kind, groups in counts["groups"].items():
        if kind == "near" and "near" not in counts:
            continue
        if not groups["groups"]:
            lines.append(f"{kind} copies: none{where}")
            continue
        added = f", {counts['near']['products_added']:,} of them in no group by exact copies" if kind == "near" else ""
        parts = ", ".join(f"{n:,} {name}" for name, n in groups["categories"].items() if n)
        lines.append(
            f"{kind} copies: {groups['groups']:,} groups{where}, {groups['products']:,} products{added}, "
            f"the largest {groups['largest']:,}{f' ({parts})' if parts else ''}"
        )
    common = counts["common_photos"]
    if common["photos"]:
        lines.append(
            f"too common to link (on more than {counts['max_copies']} products): {common['photos']:,} photos, "
            f"{common['products']:,} products"
        )
    if "near" in counts:
        near = counts["near"]
        lines.append(
            f"near: {near['distance']} of 64 bits; {near['groups_within_exact_ones']:,} groups within one of exact "
            f"copies are left out; {near['plain_photos']:,} plain photos, {near['common_looks']:,} looks too common to "
            f"link, {near['unreadable_photos']:,} photos unreadable"
        )
    if "titles" in counts:
        lines += _title_lines(counts["titles"], counts["catalogues"])
    if "leak" in counts:
        lines += _leak_lines(counts["leak"], *counts["catalogues"])
    return "\n".join(lines)


def _title_lines(titles: dict[str, Any], catalogues: list[str]) -> list[str]:
    lines = [
        f"titles: {titles['products']:,} products have one, {titles['distinct']:,} distinct; {titles['shared']:,} "
        f"stand on several products ({titles['products_sharing']:,}), {titles['in_different_categories']:,} of these "
        "in different categories"
    ]
    if "leak" in titles:
        (first, second), leak = catalogues, titles["leak"]
        agrees = leak["category_agrees"]
        labels = f"; {agrees:.1%} of {leak['labelled']:,} labelled ones have its category" if agrees is not None else ""
        lines.append(
            f"{second}: {leak['products']:,} products ({leak['share']:.1%}) have the title of a product of "
            f"{first}{labels}"
        )
    return lines


def _leak_lines(leak: dict[str, Any], first: str, second: str) -> list[str]:
    lines = []
    for kind in ("exact", "near"):
        if kind in leak:
            pairs = leak[kind]
            agrees = pairs["category_agrees"]
            labels = f"; {agrees:.1%} of {pairs['labelled_pairs']:,} labelled pairs agree" if agrees is not None else ""
            beside = " and no exact one" if kind == "near" else ""
            lines.append(
                f"{second}: {pairs['products']:,} of {leak['products']:,} products ({pairs['share']:.1%}) "
                f"have {'an exact' if kind == 'exact' else 'a near'} copy in {first}{beside}{labels}"
            )
    lines.append(f"{second}: {leak['common_photos_only']:,} products share only photos too common to link")
    return lines
