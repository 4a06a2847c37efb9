"""What was found about copies in a few lines for people."""

from __future__ import annotations

from typing import Any


def summary_text(said: dict[str, Any]) -> str:
    """`said`: `Findings.to_json()`."""
    lines = [
        f"{' and '.join(said['catalogues'])}: {said['products']:,} products, {said['photos']:,} photos, "
        f"{said['distinct_photos']:,} distinct ({said['copies'] / said['photos']:.1%} are copies)"
    ]
    where = " in both catalogues" if "leak" in said else ""
    for kind, own in said["groups"].items():
        if kind == "near" and "near" not in said:
            continue
        if not own["groups"]:
            lines.append(f"{kind} copies: none{where}")
            continue
        added = f", {said['near']['products_added']:,} of them in no group by exact copies" if kind == "near" else ""
        parts = ", ".join(f"{n:,} {name}" for name, n in own["categories"].items() if n)
        lines.append(
            f"{kind} copies: {own['groups']:,} groups{where}, {own['products']:,} products{added}, "
            f"the largest {own['largest']:,}{f' ({parts})' if parts else ''}"
        )
    common = said["common_photos"]
    if common["photos"]:
        lines.append(
            f"too common to link (on more than {said['max_copies']} products): {common['photos']:,} photos, "
            f"{common['products']:,} products"
        )
    if "near" in said:
        near = said["near"]
        lines.append(
            f"near: {near['distance']} of 64 bits; {near['groups_within_exact_ones']:,} groups within one of exact "
            f"copies are left out; {near['plain_photos']:,} plain photos, {near['common_looks']:,} looks too common to "
            f"link, {near['unreadable_photos']:,} photos unreadable"
        )
    if "leak" in said:
        lines += _leak_lines(said["leak"], *said["catalogues"])
    return "\n".join(lines)


def _leak_lines(leak: dict[str, Any], first: str, second: str) -> list[str]:
    lines = []
    for kind in ("exact", "near"):
        if kind in leak:
            own = leak[kind]
            agrees = own["category_agrees"]
            labels = f"; {agrees:.1%} of {own['labelled_pairs']:,} labelled pairs agree" if agrees is not None else ""
            beside = " and no exact one" if kind == "near" else ""
            lines.append(
                f"{second}: {own['products']:,} of {leak['products']:,} products ({own['share']:.1%}) "
                f"have {'an exact' if kind == 'exact' else 'a near'} copy in {first}{beside}{labels}"
            )
    lines.append(f"{second}: {leak['common_photos_only']:,} products share only photos too common to link")
    return lines
