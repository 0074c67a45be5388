"""`manage.py import_dataset PATH --format FORMAT --name NAME`, or `--dry-run`, or `--resume NUMBER`."""

from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from annotation import loading, sources
from annotation.importers import FORMATS
from annotation.models import Import
from jobs import running


class Command(BaseCommand):
    help = "Read images with 2D keypoints into a new data set, or only look whether that would go well."

    def add_arguments(self, parser):
        parser.add_argument("path", nargs="?", help="Folder, file or zip; or s3://bucket/prefix, or https://...")
        parser.add_argument("--format", choices=FORMATS, help="; ".join(f"{key}: {title}" for key, title in FORMATS.items()))
        parser.add_argument("--name", default="", help="Of the data set to be.")
        parser.add_argument("--images", default="", help="Where the images are, if not beside the annotations.")
        parser.add_argument("--dry-run", action="store_true", help="Read and check everything, store nothing.")
        parser.add_argument("--resume", type=int, metavar="NUMBER", help="Go on with an import that stopped.")
        parser.add_argument("--limit", type=int, help="At most so many images.")
        parser.add_argument("--pairs", type=int, default=5, help="Random pairs per person (5).")
        parser.add_argument("--seed", type=int, default=0, help="Of the random pairs (0).")
        parser.add_argument("--skeleton", default="", help="For csv and openpose: the skeleton that the keypoints belong to.")
        parser.add_argument("--every", type=int, help="Of films: take each so many-th frame.")
        parser.add_argument("--frames", default="", help='Of films: the pictures, e.g. "{action}.{camera}/{frame:06d}.jpg".')
        parser.add_argument("--min-confidence", type=float, help="For openpose: a keypoint below this is missing (0.05).")
        parser.add_argument("--owner", help="User who will own it; by default the first administrator.")
        parser.add_argument("--strict", action="store_true", help="Let any warning end the import.")

    def handle(self, *, resume, **given):
        job = self._resumed(resume) if resume is not None else self._new(**given)
        job = running.execute(job)
        for warning in job.warnings:
            self.stderr.write(f"warning: {warning}")
        if job.n_warnings > len(job.warnings):
            self.stderr.write(f"... and {job.n_warnings - len(job.warnings):,} warnings more.")
        if not job.is_done:
            hint = f" Go on with: manage.py import_dataset --resume {job.pk}" if job.can_resume else ""
            raise CommandError(job.error + hint)
        self.stdout.write(self._told(job))

    def _new(
        self, *, path, format, name, images, dry_run, limit, pairs, seed, skeleton, every, frames, min_confidence, owner,
        strict, **_,
    ) -> Import:
        if not path or not format:
            raise CommandError("Say what to import: import_dataset PATH --format FORMAT --name NAME.")
        if not name and not dry_run:
            raise CommandError("--name is missing: how the data set is to be called. Or look first with --dry-run.")
        if (limit is not None and limit < 1) or pairs < 0 or (every is not None and every < 1):
            raise CommandError("--limit and --every must be at least 1 and --pairs at least 0.")
        options = {"skeleton": skeleton, "every": every, "frames": frames, "min_confidence": min_confidence}
        try:
            job = loading.prepare(
                user=_owner(owner), format=format, path=_whole(path), images_path=_whole(images), name=name, limit=limit,
                pairs_per_person=pairs, seed=seed, strict=strict, dry_run=dry_run, any_path=True,
                options={key: value for key, value in options.items() if value},
            )
        except sources.BadSource as error:
            raise CommandError(str(error)) from error
        job.save()
        return job

    def _resumed(self, number: int) -> Import:
        job = Import.objects.filter(pk=number).first()
        if job is None:
            raise CommandError(f"There is no import {number}.")
        if not job.has_ended:
            return job
        if not loading.resume(job):
            raise CommandError(f"Import {number} has nothing to go on with: it is {job.get_state_display()}.")
        return Import.objects.get(pk=number)

    @staticmethod
    def _told(job: Import) -> str:
        counts, warnings = job.counts, f"{job.n_warnings:,} warning{'s' if job.n_warnings != 1 else ''}."
        if job.counts.get("same_as"):
            return f"The same annotations are the data set '{job.dataset}' already; nothing was added."
        numbers = ", ".join(f"{counts.get(what, 0):,} {what}" for what in ("images", "people", "pairs"))
        if job.dry_run:
            return f"Would import {numbers}; {warnings} Nothing was stored."
        return f"Imported {numbers} as '{job.dataset}', {warnings}"


def _whole(address: str) -> str:
    return address if not address or "://" in address else str(Path(address).absolute())


def _owner(username: str | None):
    users = get_user_model().objects
    user = users.filter(username=username) if username else users.filter(is_superuser=True).order_by("pk")
    if (found := user.first()) is None:
        wanted = f"There is no user '{username}'." if username else "There is no administrator yet."
        raise CommandError(f"{wanted} Make one with: manage.py createsuperuser")
    return found
