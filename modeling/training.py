"""A release becomes a run: a lifter is trained on it, measured, and asked for everybody's 3D pose.

Torch is loaded inside the step only, so that web processes stay small.
"""

import json
import time
from pathlib import Path

import numpy as np
from django.db.models import Sum

from annotation.models import Person
from crowd.models import Release, usd
from jobs import running
from jobs.running import JobError, Report
from modeling import keeping, measuring
from modeling.models import Prediction, Run

PEOPLE_AT_ONCE = 2000
CURVE_EVERY_S = 1.5
DEVICES = ("auto", "cpu", "cuda")
SHAPE = ("method", "width", "stages")  # a run that starts from another has that one's network


class CannotTrain(ValueError):
    """The training that was asked for makes no sense; the message says why and what would."""


def start(
    release: Release, user, *, settings: dict | None = None, seed: int = 0, started_from: Run | None = None, note: str = "",
) -> Run:
    """Queue a training; watch the row that is returned.

    Args:
        settings: what differs from the lifter's defaults, by the names of `lifting.Config`.
        started_from: a run whose weights are taken over.
    Raises: CannotTrain.
    """
    if not release.is_done:
        raise CannotTrain("Only a release that is done can be learnt from.")
    settings = check_settings(settings or {})
    if started_from is not None:
        check_origin(started_from, release)
    number = Run.objects.filter(release=release).count() + 1
    while Run.objects.filter(name=(name := f"{release.name[:50]}-run{number}")).exists():
        number += 1
    return running.start(Run(
        release=release, name=name, settings=settings, seed=seed, started_from=started_from, note=note, created_by=user,
        **_behind(release),
    ))


def check_settings(settings: dict) -> dict:
    """The same settings, if the lifter knows them all and a server may be asked for them.

    Raises: CannotTrain naming the setting and what it may be.
    """
    from modeling.lifting import BadConfig, Config

    if not isinstance(settings, dict):
        raise CannotTrain('Settings are names with values, for instance {"epochs": 60}.')
    if "seed" in settings:
        raise CannotTrain("seed has a field of its own; leave it out of the settings.")
    if "warm_start" in settings:
        raise CannotTrain("warm_start is a folder, which means nothing here; choose the run to start from instead.")
    if settings.get("device", "auto") not in DEVICES:
        raise CannotTrain(f"device = {settings['device']!r}: give one of {', '.join(DEVICES)}.")
    try:
        Config.from_json(settings)
    except BadConfig as error:
        raise CannotTrain(str(error)) from error
    return settings


def check_origin(origin: Run, release: Release) -> None:
    if not origin.is_done:
        raise CannotTrain(f"{origin} has not ended well; start from a run that is done.")
    theirs, ours = (one.campaign.dataset.skeleton for one in (origin.release, release))
    if theirs.pk != ours.pk:
        raise CannotTrain(f"{origin} knows the joints of “{theirs}”, this release has those of “{ours}”.")


def _behind(release: Release) -> dict:
    """Labels and votes of the release, and what they had cost by the time that they were merged."""
    merge = release.merge
    paid = release.campaign.payments.filter(at__lte=merge.ended_at or merge.created_at).aggregate(
        reward=Sum("amount_usd"), fee=Sum("fee_usd")
    )
    return {
        "n_labels": merge.figures.get("pairs"), "n_votes": merge.figures.get("votes"),
        "spent_usd": usd(paid["reward"]) + usd(paid["fee"]),
    }


def run(job: Run, report: Report) -> None:
    """Train on the release's files alone, keep weights and curve, predict for every person of the data set.

    A process that takes up another's run on the same machine goes on after its last epoch, with the same result; elsewhere
    it begins anew, also with the same result.

    Raises: JobError with what is wrong with the release or the settings.
    """
    import torch

    from modeling import lifting

    torch.set_num_threads(1)  # more of them slow each other down on networks this small and cores this busy
    with keeping.workplace(job) as folder:
        output = folder / "run"
        report(0.0, "fetching the release")
        keeping.fetch_release(job.release, folder / "release")
        curve = Curve(job, output, report)
        try:
            data = lifting.load(folder / "release")
            trained = lifting.fit(data, _config(job, folder), output=output, on_epoch=curve.add)
            report(0.88, "measuring")
            figures, evaluation = measuring.figures(output, data, trained)
            _predict(job, output, report)
        except lifting.LiftingError as error:
            raise JobError(_named(str(error), job, folder)) from error
        except (RuntimeError, ImportError) as error:
            if not job.settings.get("compile"):
                raise
            first = str(error).strip().partition("\n")[0]
            raise JobError(
                f"compile = true: torch cannot compile on the machine that trains ({first}); leave it off, or install a "
                "C++ compiler there."
            ) from error
        _forget_folders(output / keeping.RECORD, job)
        report(0.98, "storing the files")
        files = keeping.store(job, output)
        with report.final():
            Run.objects.filter(pk=job.pk).update(
                curve=measuring.as_json(trained.curve), figures=figures, evaluation=evaluation, files=files
            )


def _named(message: str, job: Run, folder: Path) -> str:
    """A message of the lifter with the names that its owner knows instead of this machine's folders."""
    release = f"release {job.release.name}"
    for place, name in (
        (folder / "release" / "training.npz", release), (folder / "release", release),
        (folder / "origin", str(job.started_from)), (folder, job.name),
    ):
        message = message.replace(str(place), name)
    return message


def _config(job: Run, folder: Path):
    """The run's settings as the lifter takes them."""
    from modeling.lifting import Config

    settings = {"seed": job.seed} | job.settings
    if job.started_from is not None:
        keeping.fetch(job.started_from, folder / "origin")
        theirs = job.started_from.figures.get("settings", {})
        settings = {name: theirs[name] for name in SHAPE if name in theirs} | settings
        settings["warm_start"] = str(folder / "origin")
    return Config.from_json(settings)


class Curve:
    """Epochs on their way to the row that the panel draws; saved now and then rather than each time."""

    def __init__(self, job: Run, output: Path, report: Report):
        self._job, self._lines, self._report = job, output / keeping.LINES, report
        self._epochs: list[dict] = []
        self._saved_at = 0.0

    def add(self, epoch: dict) -> None:
        if not self._epochs and epoch["epoch"] > 1:  # taken up from a process that died
            self._epochs = [json.loads(line) for line in self._lines.read_text().splitlines()][:-1]
        self._epochs.append(epoch)
        share = epoch["epoch"] / epoch["epochs"]
        self._report(0.05 + 0.8 * share, f"epoch {epoch['epoch']} of {epoch['epochs']}", line=_line(epoch))
        if share == 1 or time.monotonic() - self._saved_at > CURVE_EVERY_S:
            Run.objects.filter(pk=self._job.pk).update(curve=measuring.as_json(self._epochs))
            self._saved_at = time.monotonic()


def _line(epoch: dict) -> str:
    order = epoch.get("held_out_order")
    return f"epoch {epoch['epoch']}: loss {epoch['loss']:.4f}" + (f", held-out order {order:.1%}" if order else "")


def _predict(job: Run, output: Path, report: Report) -> None:
    """A pose for each person with at least two joints in place; in portions, as nobody looks before the run is done."""
    from modeling import lifting

    lifter = lifting.open_run(output)
    Prediction.objects.filter(run=job).delete()
    people = Person.objects.filter(image__dataset=job.release.campaign.dataset).order_by("pk")
    rows = people.values_list("pk", "keypoints", "image__width", "image__height")
    for portion, share in portions(rows, people.count()):
        report(0.9 + 0.08 * share, "predicting everybody's pose")
        keys, pose2d, sizes = arrays_of(portion)
        if not keys:
            continue
        poses, deviations = lifting.predict(lifter, pose2d, image_size=sizes)
        Prediction.objects.bulk_create(
            Prediction(
                run=job, person_id=key, pose_mm=np.round(pose, 1).tolist(), deviation_mm=np.round(deviation, 1).tolist()
            )
            for key, pose, deviation in zip(keys, poses.astype(float), deviations.astype(float))
        )


def portions(rows, count: int):
    """(rows, share begun) of so many rows at once."""
    portion, begun = [], 0
    for row in rows.iterator(chunk_size=PEOPLE_AT_ONCE):
        portion.append(row)
        if len(portion) == PEOPLE_AT_ONCE:
            yield portion, begun / max(count, 1)
            begun, portion = begun + len(portion), []
    if portion:
        yield portion, begun / max(count, 1)


def arrays_of(rows: list[tuple]) -> tuple[list[int], np.ndarray, np.ndarray]:
    """People that can be lifted, those with two joints in place: keys, pose2d (N, K, 2) with NaN, sizes (N, 2) in pixels.

    Args:
        rows: (primary key, keypoints, image's width, image's height).
    """
    rows = [row for row in rows if sum(place is not None for place in row[1]) >= 2]
    missing = [float("nan")] * 2
    pose2d = np.array([[place or missing for place in row[1]] for row in rows], np.float32)
    return [row[0] for row in rows], pose2d, np.array([row[2:4] for row in rows])


def _forget_folders(record: Path, job: Run) -> None:
    """A run's record says what it learnt from by names that mean something elsewhere, not by this machine's folders."""
    content = json.loads(record.read_text())
    content["data"] = job.release.name
    if job.started_from is not None:
        content["config"]["warm_start"] = job.started_from.name
    record.write_text(json.dumps(content, indent=1))
