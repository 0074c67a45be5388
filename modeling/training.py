"""A release becomes a run: a lifter is trained on it, measured, and asked for everybody's 3D pose.

Torch is loaded inside the step only, so that web processes stay small.
"""

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.core.files.base import File
from django.core.files.storage import storages

from annotation.models import Person
from crowd import releasing
from crowd.models import Release
from jobs import running
from jobs.running import JobError, Report
from modeling.models import Prediction, Run

if TYPE_CHECKING:
    from modeling.lifting import LiftingData

BATCH = 1000


def start(release: Release, user, *, settings: dict | None = None, seed: int = 0) -> Run:
    """Queue a training; watch the row that is returned.

    Raises: ValueError if the release is not done.
    """
    if not release.is_done:
        raise ValueError("Only a release that is done can be learnt from.")
    number = Run.objects.filter(release=release).count() + 1
    while Run.objects.filter(name=(name := f"{release.name[:50]}-run{number}")).exists():
        number += 1
    return running.start(Run(release=release, name=name, settings=settings or {}, seed=seed, created_by=user))


def run(job: Run, report: Report) -> None:
    """Train on the release's files alone, keep weights and curve, predict for every person of the data set.

    Errors are those of people whose labels were kept out of training (`is_train` of the
    release), or of everybody where the release keeps nobody out.

    Raises: JobError with what is wrong with the release or the settings.
    """
    import torch

    from modeling import lifting

    torch.set_num_threads(1)  # more of them slow each other down on networks this small and cores this busy
    with tempfile.TemporaryDirectory(prefix="nearer-run-") as place:
        folder, output = Path(place, "release"), Path(place, "run")
        report(0.0, "fetching the release")
        _fetch(job.release, folder)
        curve: list[dict] = []

        def on_epoch(epoch: dict) -> None:
            curve.append(epoch)
            share = epoch["epoch"] / epoch["epochs"]
            report(0.05 + 0.8 * share, f"epoch {epoch['epoch']} of {epoch['epochs']}", line=_line(epoch))
            if len(curve) % 5 == 0 or share == 1:
                Run.objects.filter(pk=job.pk).update(curve=_json(curve))

        try:
            data = lifting.load(folder)
            config = lifting.Config.from_json({"seed": job.seed} | job.settings)
            trained = lifting.fit(data, config, output=output, on_epoch=on_epoch)
            report(0.9, "measuring and predicting")
            kept_out = bool((~data.is_train).any())
            figures = {
                "before": _flat(data.people(~data.is_train) if kept_out else data),
                "after": _figures(lifting.evaluate(output, data, people="test" if kept_out else "all")),
                "everybody": _figures(lifting.evaluate(output, data)), "people_were_kept_out": kept_out,
                "best_epoch": trained.best_epoch, "stopped": trained.stopped, "settings": trained.config.to_json(),
            }
            predictions = _predictions(job, output, lifting)
        except lifting.LiftingError as error:
            raise JobError(str(error)) from error
        _keep(job, output)
        with report.final():
            Prediction.objects.filter(run=job).delete()
            Prediction.objects.bulk_create(predictions, batch_size=BATCH)
            Run.objects.filter(pk=job.pk).update(curve=_json(curve), figures=_json(figures))


def _fetch(release: Release, folder: Path) -> None:
    """The lifter reads files, as it would on a machine without Nearer."""
    folder.mkdir()
    for name in ("manifest.json", "training.npz"):
        with releasing.open_file(release, name) as source:
            (folder / name).write_bytes(source.read())


def _line(epoch: dict) -> str:
    order = epoch.get("held_out_order")
    return f"epoch {epoch['epoch']}: loss {epoch['loss']:.4f}" + (f", held-out order {order:.1%}" if order else "")


def _json(value):
    """The same with None for what is not a number, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: _json(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _figures(measured: dict) -> dict:
    """What the panel and the demonstration show; errors only where the truth is known."""
    names = ("people", "mpjpe_mm", "pa_mpjpe_mm", "labels", "labels_wrong")
    figures = {name: measured[name] for name in names if measured.get(name) is not None}
    if by_gap := measured.get("order_by_gap"):
        figures |= {"order_accuracy": by_gap["all"]["share"], "order_by_gap": by_gap}
    return figures


def _flat(data: "LiftingData") -> dict:
    """What is known before anything was learnt: the figure as it lies in the image plane, without depth."""
    from modeling.lifting import metrics

    if data.pose3d is None or not np.isfinite(data.pose3d).any():
        return {}
    middle = np.nanmean(data.pose2d, axis=1, keepdims=True)
    plane = np.where(np.isnan(data.pose2d), middle, data.pose2d)
    flat = np.concatenate([plane - plane[:, [data.skeleton.root]], np.zeros_like(plane[..., :1])], axis=-1)
    scaled, aligned = metrics.error_mm(flat, data.pose3d)
    return {"mpjpe_mm": round(scaled, 2), "pa_mpjpe_mm": round(aligned, 2)}


def _predictions(job: Run, output: Path, lifting) -> list[Prediction]:
    """A pose for each person with at least two joints in place."""
    people = Person.objects.filter(image__dataset=job.release.campaign.dataset).select_related("image").order_by("pk")
    people = [person for person in people if sum(place is not None for place in person.keypoints) >= 2]
    missing = [float("nan")] * 2
    pose2d = np.array([[place or missing for place in person.keypoints] for person in people], np.float32)
    sizes = np.array([[person.image.width, person.image.height] for person in people])
    poses, deviations = lifting.predict(output, pose2d, image_size=sizes)
    return [
        Prediction(
            run=job, person=person, pose_mm=np.round(pose, 1).tolist(), deviation_mm=np.round(deviation, 1).tolist()
        )
        for person, pose, deviation in zip(people, poses.astype(float), deviations.astype(float))
    ]


def _keep(job: Run, output: Path) -> None:
    """Move the run's files to the private storage, replacing what a process that died may have left."""
    storage = storages["private"]
    for file in sorted(output.rglob("*")):
        if not file.is_file():
            continue
        name = f"{job.folder}/{file.relative_to(output)}"
        if storage.exists(name):
            storage.delete(name)
        with file.open("rb") as source:
            storage.save(name, File(source))
