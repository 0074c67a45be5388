"""`manage.py import_skeleton FILE`"""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotation import skeletons
from annotation.importers.skeletons import BadSkeleton, read


class Command(BaseCommand):
    help = "Make a skeleton of your own known, so that data sets can name it."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="JSON: name, title, joints, bones, mirror, root, figure.")

    def handle(self, *, file: Path, **options):
        try:
            row = skeletons.keep(read(file))
        except (BadSkeleton, skeletons.SkeletonDiffers) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        self.stdout.write(f"The skeleton '{row.name}' with {len(row.joints)} joints is known.")
