"""manage.py load_tutorial FOLDER --name NAME: a researcher's own tutorial."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotation import lessons
from annotation.importers.records import BadDataset


class Command(BaseCommand):
    help = "Reads a folder in Nearer's own format whose images have comparisons with known answers."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path)
        parser.add_argument("--name", required=True, help="What campaigns choose it by.")

    def handle(self, *, folder: Path, name: str, **options):
        try:
            tutorial = lessons.load(folder, name)
        except BadDataset as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Tutorial '{tutorial.name}' with {len(tutorial.examples)} comparisons.")
