"""How long something takes and what photo networks a plan has, as people say it."""

from __future__ import annotations

from catalog.files.progress_lines import duration_text
from catalog.files.wording import joined, plural
from rayonnage.fitting.planning.plans import FitPlan

DAY = 86400.0
NAMES = {"tf_efficientnet_lite0": "EfficientNet-Lite0", "tf_efficientnet_lite2": "EfficientNet-Lite2"}
LINEAR = "a simple classifier on what a ready-made network sees"


def long_text(seconds: float) -> str:
    """How long, days and weeks included: `40 s`, `3 h 05 min`, `6 days`, `5 weeks`."""
    if seconds < 2 * DAY:
        return duration_text(seconds)
    days = seconds / DAY
    return f"{days:.0f} days" if days < 21 else f"{days / 7:.0f} weeks"


def network_text(plan: FitPlan) -> str:
    """The photo networks of a plan."""
    overlay = plan.photos.overlay
    name = overlay.get("backbone", {}).get("name", "")
    shown = f"{NAMES.get(name, name)}, photos of {overlay.get('photo_size', 160)} pixels"
    if overlay.get("inference", {}).get("flip"):
        shown += ", each seen mirrored, too"
    rounds = plural(overlay.get("training", {}).get("epochs", 9), "round")
    method = overlay.get("method", "fine-tune")
    learnt = f"{rounds} of learning, or {LINEAR}" if method == "auto" else f"{rounds} of learning"
    learnt = LINEAR if method == "linear" else learnt
    specialists = [n for n in plan.photos.networks if n.isdigit()]
    more = []
    if len(specialists) == 1:
        more = [f"a network for products of {plural(int(specialists[0]), 'photo')} alone"]
    elif specialists:
        more = [f"networks for products of {joined(specialists)} photos each"]
    more += ["a second network for single photos"] if "photos" in plan.photos.networks else []
    return f"{shown}: {learnt}" + (f"; {joined(more)}" if more else "")
