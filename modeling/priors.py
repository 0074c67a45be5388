"""What a run believes of a data set's pairs, without having seen the answer: the numbers behind a promotion.

People whose labels taught the run are asked of other runs, trained alike on the rest (cross-fitting), so that no prior has
seen its own pair's label, nor another label of the same picture. How sure all of them may be is one number, found on the
answers of the runs that had not seen the labels: small sets make a lifter surer than it should be.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotation.models import Dataset, Image, Pair, Person
from jobs.running import JobError, Report
from modeling import keeping
from modeling.models import Run
from modeling.training import arrays_of, portions

PARTS = 5
LEAST = 1e-3  # a prior is no certainty, however sure the lifter is
ITSELF, NOBODY = -1, -2  # who is asked of a person instead of a part's run


@dataclass(frozen=True)
class Beliefs:
    """Of P pairs: primary key, and p_first inside (0, 1); figures for the promotion's row."""

    pair: np.ndarray
    p_first: np.ndarray
    figures: dict


@dataclass(frozen=True)
class Seen:
    """Which pictures taught a run, by their content.

    Attributes:
        part: SHA-256 of a picture: number of the part whose run has not seen it.
        said, label: (P,) p_first of labelled pairs by runs that had not seen the label, and the label.
    """

    part: dict[str, int]
    parts: int
    said: np.ndarray
    label: np.ndarray


def of(run: Run, dataset: Dataset, folder: Path, report: Report) -> Beliefs:
    """Ask the run, and the runs of its cross-fitting, about every pair of the data set.

    The cross-fitting's runs are kept with the run, so that it happens once.

    Args:
        folder: to work in; what a process before this one had finished there is used.
    Raises: JobError where the data set has other joints than the run.
    """
    import torch

    from modeling import lifting

    torch.set_num_threads(1)
    if run.release.campaign.dataset.skeleton_id != dataset.skeleton_id:
        raise JobError(f"{run} knows other joints than those of “{dataset}”; train a run on this skeleton.")
    try:
        report(0.02, "fetching the run")
        keeping.fetch(run, folder / "run")
        seen = _cross_fitted(run, dataset, folder, report)
        return _asked(dataset, folder, seen, report)
    except lifting.LiftingError as error:
        raise JobError(str(error).replace(str(folder), run.name)) from error


def _cross_fitted(run: Run, dataset: Dataset, folder: Path, report: Report) -> Seen:
    """Trains what is missing of the cross-fitting, if any picture of the data set taught the run."""
    from modeling import lifting
    from modeling.lifting import checkpoint

    data = lifting.load(keeping.fetch_release(run.release, folder / "release"))
    config = lifting.Config.from_json(
        checkpoint.read_run(folder / "run")["config"] | {"warm_start": None, "tensorboard": False, "device": "auto"}
    )
    taught = data.is_train.copy()
    if config.supervision == "relative":
        taught &= np.isin(np.arange(len(data)), data.pair_person)
    names = np.array([name.rpartition("#")[0] for name in data.person])
    content = dict(run.release.campaign.dataset.images.values_list("name", "sha256"))
    own = {content[name] for name in np.unique(names[taught]) if name in content}
    earlier = _taught_the_ancestors(run) - own
    parts = min(PARTS, len(np.unique(data.group)))
    taught_by = own | earlier
    if parts < 2 or taught_by.isdisjoint(Image.objects.filter(dataset=dataset).values_list("sha256", flat=True)):
        return Seen(dict.fromkeys(taught_by, NOBODY), 0, *_of_others(data.people(~taught), folder))

    def on_epoch(entry: dict) -> None:
        share = (entry["fold"] + entry["epoch"] / entry["epochs"]) / parts
        part, epoch = f"part {entry['fold'] + 1} of {parts}", f"epoch {entry['epoch']} of {entry['epochs']}"
        report(0.05 + 0.7 * share, f"cross-fitting, {part}: {epoch}")

    report(0.05, "cross-fitting")
    keeping.fetch(run, folder / keeping.FOLDS, under=keeping.FOLDS)
    found = lifting.cross_fit(data, config, folder / keeping.FOLDS, parts, on_epoch)
    if not any(name.startswith(f"{keeping.FOLDS}/") for name in keeping.files_of(run)):
        keeping.note_files(run, keeping.store(run, folder / keeping.FOLDS, under=keeping.FOLDS))
    part = {content[name]: int(number) for name, number in zip(names, found.fold) if name in content}
    # No part's run has ever seen what only the run's ancestors were taught by.
    part = {sha256: part[sha256] for sha256 in own} | {sha256: int(sha256[-8:], 16) % parts for sha256 in earlier}
    return Seen(part, parts, found.p_first, data.p_first)


def _of_others(data, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(P,) p_first and label of people whose labels taught nothing."""
    from modeling import lifting

    if not len(data.pair_person):
        return np.zeros(0), np.zeros(0)
    said = lifting.order_probability(
        folder / "run", data.pose2d, data.visible, data.pair_joints, data.pair_person, data.image_size
    )
    return said, data.p_first


def _taught_the_ancestors(run: Run) -> set[str]:
    """Pictures of the releases from which the runs learnt whose weights this one started with."""
    pictures: set[str] = set()
    while (run := run.started_from) is not None:
        pictures |= set(run.release.campaign.dataset.images.values_list("sha256", flat=True))
    return pictures


def _asked(dataset: Dataset, folder: Path, seen: Seen, report: Report) -> Beliefs:
    from modeling import lifting
    from modeling.lifting import calibrate

    asked = {ITSELF: lifting.open_run(folder / "run")} | {
        number: lifting.open_run(folder / keeping.FOLDS / f"fold-{number}") for number in range(seen.parts)
    }
    people = Person.objects.filter(image__dataset=dataset).order_by("pk")
    rows = people.values_list("pk", "keypoints", "image__width", "image__height", "image__sha256")
    keys: list[np.ndarray] = [np.zeros(0, np.int64)]
    values: list[np.ndarray] = [np.zeros(0)]
    crossed = 0
    for portion, share in portions(rows, people.count()):
        report(0.75 + 0.15 * share, "asking the lifter about every pair")
        sure = {row[0]: seen.part.get(row[4], ITSELF) for row in portion}
        pairs = np.array(list(
            Pair.objects.of_dataset(dataset).filter(person__pk__range=(portion[0][0], portion[-1][0]))
            .order_by("pk").values_list("pk", "person_id", "first", "second")
        ), np.int64).reshape(-1, 4)
        for number, lifter in asked.items():
            some, pose2d, sizes = arrays_of([row for row in portion if sure[row[0]] == number])
            mine = pairs[np.isin(pairs[:, 1], some)]
            if not len(mine):
                continue
            place = {key: index for index, key in enumerate(some)}
            person = np.array([place[key] for key in mine[:, 1].tolist()])
            keys.append(mine[:, 0])
            values.append(lifting.order_probability(lifter, pose2d, None, mine[:, 2:], person, sizes))
            crossed += len(mine) if number != ITSELF else 0
    softness = calibrate.softness(seen.said, seen.label)
    pair, said = np.concatenate(keys), np.concatenate(values)
    p_first = np.clip(calibrate.softened(said, softness), LEAST, 1 - LEAST)
    return Beliefs(pair, p_first, {
        "pairs": len(pair), "cross_fitted": crossed, "parts": seen.parts, "softness": round(softness, 4),
        "mean_sureness": round(float(np.maximum(p_first, 1 - p_first).mean()), 4) if len(pair) else None,
        **_measured(seen, softness),
    })


def _measured(seen: Seen, softness: float) -> dict:
    """How right the runs were about labels that they had not seen, and how well their probabilities keep their word."""
    from modeling.lifting import calibrate

    decided = seen.label != 0.5
    if not decided.any():
        return {"labels": len(seen.label), "order": None, "log_loss": None, "log_loss_before": None}
    right = ((seen.said > 0.5) == (seen.label > 0.5))[decided]
    losses = [calibrate.surprise(said, seen.label) for said in (calibrate.softened(seen.said, softness), seen.said)]
    return {
        "labels": len(seen.label), "order": round(float(right.mean()), 4), "log_loss": round(losses[0], 4),
        "log_loss_before": round(losses[1], 4),
    }
