"""`manage.py import_votes PATH --dataset NAME --name CAMPAIGN`"""

from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from annotation.models import Dataset
from crowd.vote_files import FORMATS
from crowd.vote_imports import importing
from jobs import running


class Command(BaseCommand):
    help = "Read votes that exist already into a campaign of their own, whole or not at all; the same file counts once."

    def add_arguments(self, parser):
        parser.add_argument("path", type=Path, help="; ".join(f"{key}: {title}" for key, title in FORMATS.items()))
        parser.add_argument("--dataset", required=True, help="Name of the data set whose pictures the votes are about.")
        parser.add_argument("--name", required=True, help="Of the campaign to be.")
        parser.add_argument("--format", choices=("auto", *FORMATS), default="auto", help="By default told by the content.")
        parser.add_argument("--joints", help="Names of the file's joints in its order, with commas, if not the skeleton's.")
        parser.add_argument("--image-names", help="How a picture's number becomes its file name, such as im%%04d.jpg.")
        parser.add_argument("--answer", help="Mechanical Turk's CSV: the column with the answer.")
        parser.add_argument("--first-means", type=int, choices=(0, 1), help="CSV: the label for 'the first is closer' (1).")
        parser.add_argument("--skip-unknown", action="store_true", help="Leave votes on pictures out that are not there.")
        parser.add_argument("--dry-run", action="store_true", help="Only count and show.")
        parser.add_argument("--owner", help="User who will own the campaign; by default the data set's owner.")

    def handle(self, *, path, dataset, name, format, dry_run, owner, **options):
        row = Dataset.objects.filter(name=dataset).first()
        if row is None:
            known = ", ".join(Dataset.objects.values_list("name", flat=True)[:10]) or "none"
            raise CommandError(f"There is no data set '{dataset}'; there are: {known}.")
        user = get_user_model().objects.filter(username=owner).first() if owner else row.owner
        if user is None:
            raise CommandError(f"There is no user '{owner}'.")
        if not path.is_file():
            raise CommandError(f"{path}: there is no such file.")
        found = {key: options.get(key) for key in ("image_names", "answer", "first_means", "skip_unknown")}
        if options.get("joints"):
            found["joints"] = [joint.strip() for joint in options["joints"].split(",")]
        settings = {key: value for key, value in found.items() if value not in (None, "", False)}
        try:
            with path.open("rb") as file:
                job = importing.start(row, user, file, path.name, name=name, format=format, settings=settings, dry_run=dry_run)
        except importing.BadRequest as error:
            raise CommandError(str(error)) from error
        job = running.execute(job)
        for warning in job.warnings:
            self.stderr.write(f"warning: {warning}")
        if not job.is_done:
            raise CommandError(job.error)
        figures = job.figures
        counts = f"{figures['votes']:,} votes of {figures['workers']:,} people on {figures['pairs']:,} pairs"
        if dry_run:
            for one in figures["sample"]:
                first, second = one["names"]
                closer = first if one["chose_first"] else second
                self.stdout.write(f"  {one['place']}: {one['image']}#{one['person']}, {first} or {second}: {closer} is closer")
            self.stdout.write(f"{counts}, read as {figures['format']}. Nothing was kept.")
        elif "already" in figures:
            self.stdout.write(f"This file was imported before, as “{figures['already']}”; nothing was changed.")
        else:
            self.stdout.write(f"Imported {counts} as the campaign “{job.campaign}”; merge them next.")
