"""`manage.py import_dataset FORMAT PATH --name NAME`"""

from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from annotation.importers import FORMATS
from annotation.models import Import, Pair, Person
from jobs import running


class Command(BaseCommand):
    help = "Read images with 2D keypoints into a new data set, whole or not at all."

    def add_arguments(self, parser):
        parser.add_argument("format", choices=FORMATS, help="; ".join(f"{key}: {title}" for key, title in FORMATS.items()))
        parser.add_argument("path", type=Path, help="The folder that holds it.")
        parser.add_argument("--name", required=True, help="Of the data set to be.")
        parser.add_argument("--limit", type=int, help="At most so many images.")
        parser.add_argument("--pairs", type=int, default=5, help="Random pairs per person (5).")
        parser.add_argument("--seed", type=int, default=0, help="Of the random pairs (0).")
        parser.add_argument("--owner", help="User who will own it; by default the first administrator.")
        parser.add_argument("--strict", action="store_true", help="Let any warning end the import.")

    def handle(self, *, format, path, name, limit, pairs, seed, owner, strict, **options):
        if (limit is not None and limit < 1) or pairs < 0:
            raise CommandError("--limit must be at least 1 and --pairs at least 0.")
        job = Import.objects.create(
            created_by=_owner(owner), format=format, path=str(path.resolve()), name=name, limit=limit,
            pairs_per_person=pairs, seed=seed, strict=strict,
        )
        job = running.execute(job)
        for warning in job.warnings:
            self.stderr.write(f"warning: {warning}")
        if not job.is_done:
            raise CommandError(job.error)
        dataset = job.dataset
        people = Person.objects.filter(image__dataset=dataset).count()
        count = Pair.objects.of_dataset(dataset).count()
        self.stdout.write(
            f"Imported {dataset.images.count()} images with {people} people and {count} pairs "
            f"as '{dataset.name}', {len(job.warnings)} warnings."
        )


def _owner(username: str | None):
    users = get_user_model().objects
    user = users.filter(username=username) if username else users.filter(is_superuser=True).order_by("pk")
    if (found := user.first()) is None:
        wanted = f"There is no user '{username}'." if username else "There is no administrator yet."
        raise CommandError(f"{wanted} Make one with: manage.py createsuperuser")
    return found
