"""Runs side by side: what was set differently, what they had to learn from, what it cost, and how well they do."""

from django.db.models import QuerySet

from annotation.models import Dataset
from modeling.models import Promotion, Run

MOST = 60
HEAVY = ("curve", "evaluation", "log", "files")  # of no use in a table of many runs
MEASURES = (  # of charts: key in the figures, words, unit
    ("pa_mpjpe_mm", "PA-MPJPE in mm", False),
    ("labels_wrong", "Labels the poses contradict", True),
)
COSTS = (  # what a run had to learn from: slug, words, its value
    ("labels", "Labels", lambda run: run.n_labels),
    ("votes", "Votes", lambda run: run.n_votes),
    ("dollars", "Dollars spent, fees included", lambda run: None if run.spent_usd is None else float(run.spent_usd)),
)


def comparable(runs: QuerySet[Run], dataset: Dataset) -> QuerySet[Run]:
    """The newest runs on the data set's releases, without what is heavy."""
    done = runs.filter(state=Run.State.DONE, release__campaign__dataset=dataset)
    return done.select_related("release", "started_from").defer(*HEAVY, "release__figures", "release__files").order_by("-pk")


def table(runs: list[Run], dataset: Dataset) -> dict:
    """What the page of a comparison reads.

    Args:
        runs: of one data set, newest first.
    """
    promoted = Promotion.objects.filter(dataset=dataset, is_current=True).values_list("run", flat=True).first()
    names = differing(runs)
    rows = []
    for run in runs:
        after, held_out = run.figures.get("after", {}), run.figures.get("held_out") or {}
        order = held_out.get("order")
        if order is None and after.get("labels_wrong") is not None and run.figures.get("people_were_kept_out"):
            order = 1 - after["labels_wrong"]
        rows.append({
            "run": run, "is_promoted": run.pk == promoted, "error": after.get("pa_mpjpe_mm"), "scaled": after.get("mpjpe_mm"),
            "order": after.get("order_accuracy"), "held_out": order,
            "settings": [_word(run.settings.get(name)) for name in names],
        })
    return {"names": names, "rows": rows, "charts": charts(runs)}


def differing(runs: list[Run]) -> list[str]:
    """Names of settings that are not the same in all of them."""
    names = {name for run in runs for name in run.settings}
    return sorted(name for name in names if len({_word(run.settings.get(name)) for run in runs}) > 1)


def _word(value) -> str:
    """A setting's value; nothing where the run left it to the lifter."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def charts(runs: list[Run]) -> list[dict]:
    """Error against labels and against dollars; the poses' error where truth is known, else the labels they contradict."""
    for key, title, is_share in MEASURES:
        known = [run for run in runs if run.figures.get("after", {}).get(key) is not None]
        if known:
            drawn = [_against(known, (key, title, is_share), slug, words, of) for slug, words, of in COSTS]
            return [chart for chart in drawn if chart]
    return []


def _against(runs: list[Run], measure: tuple[str, str, bool], slug: str, words: str, of) -> dict | None:
    key, title, is_share = measure
    rows = [[of(run), run.figures["after"][key], run.name] for run in runs if of(run) is not None]
    if not rows:
        return None
    return {
        "id": f"against-{slug}", "title": f"Error against {slug}", "columns": [words, title, "Run"], "rows": sorted(rows),
        "type": "scatter", "x": 0, "x_title": words.lower(), "series": [{"column": 1, "label": "Runs"}],
        "y": {"title": title, "percent": is_share}, "limits": {"min": 0},
    }
