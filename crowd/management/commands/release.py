"""`manage.py release CAMPAIGN [--output FOLDER]`"""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from crowd import merging, releasing
from crowd.models import Campaign, Merge
from crowd.releases import KINDS
from jobs import running


class Command(BaseCommand):
    help = "Write a campaign's newest merge, or the one that is named, out as a release."

    def add_arguments(self, parser):
        parser.add_argument("campaign", help="Name of the campaign.")
        parser.add_argument("--merge", type=int, help="Number of one of its merges; by default the newest that is done.")
        parser.add_argument("--name", help="Of the release; by default the campaign's name and the merge's number.")
        parser.add_argument("--formats", nargs="+", choices=list(KINDS), help="By default all.")
        parser.add_argument("--description", default="", help="By default the data set's, as the licence and the citation.")
        parser.add_argument("--licence", default="")
        parser.add_argument("--citation", default="")
        parser.add_argument(
            "--pseudonym-key-file", type=Path, help="A file with 64 hexadecimal digits: repeats a release of another server.",
        )
        parser.add_argument("--output", type=Path, help="A new folder for copies of the files.")

    def handle(self, *, campaign, merge, output, pseudonym_key_file, **options):
        row = Campaign.objects.filter(name=campaign).first()
        if row is None:
            known = ", ".join(Campaign.objects.values_list("name", flat=True)[:10]) or "none"
            raise CommandError(f"There is no campaign '{campaign}'; there are: {known}.")
        found = row.merges.filter(pk=merge, state=Merge.State.DONE).first() if merge else merging.latest(row)
        if found is None:
            raise CommandError("There is no such merge that is done; merge the votes first.")
        if output and output.exists() and any(output.iterdir()):
            raise CommandError(f"{output} is not empty; name a new folder.")
        words = {name: options[name] for name in ("name", "formats", "description", "licence", "citation")}
        try:
            key = pseudonym_key_file.read_text().strip() if pseudonym_key_file else ""
            release = running.execute(releasing.start(found, row.owner, pseudonym_key=key, **words))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        if not release.is_done:
            raise CommandError(release.error)
        if output:
            output.mkdir(parents=True, exist_ok=True)
            for name in release.files:
                with releasing.open_file(release, name) as source, (output / name).open("wb") as target:
                    for block in iter(lambda file=source: file.read(1 << 20), b""):
                        target.write(block)
        counts = release.figures["counts"]
        self.stdout.write(
            f"Released {counts['pairs']:,} pairs with {counts['votes']:,} votes as '{release.name}'"
            + (f", copied to {output}." if output else ".")
        )
