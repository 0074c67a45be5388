"""`manage.py demo`: the whole loop without hands, and a table at the end."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from annotation.models import Dataset
from crowd import merging, publishing, releasing
from crowd.models import Campaign, Release
from jobs import running
from modeling import demonstration, lean_demonstration, setting_up
from modeling.models import Demonstration

START_WITHIN_S = 40


class Command(BaseCommand):
    help = (
        "Publish a data set, let simulated workers answer over HTTP, pay, merge, release and train a lifter. "
        "Uses the running site, or starts a web server for as long as it takes."
    )

    def add_arguments(self, parser):
        parser.add_argument("--workers", type=int, default=40, help="Simulated people (40).")
        parser.add_argument("--seed", type=int, default=1, help="The same seed gives the same figures (1).")
        parser.add_argument("--dataset", help="Name of a data set; by default the mannequins.")
        parser.add_argument("--lean", action="store_true", help="A lean campaign that trains on the way and ends by itself.")
        parser.add_argument("--output", type=Path, help="Folder for the release's files and the figures.")

    def handle(self, *, workers, seed, dataset, output, lean, **options):
        if not _answers():
            call_command("migrate", interactive=False, verbosity=0)
        login = setting_up.login()
        owner = get_user_model().objects.get(username=login.username)
        try:
            mannequins = setting_up.mannequins(owner)
            chosen = Dataset.objects.get(name=dataset) if dataset else mannequins
            setting_up.marketplace()
            with self._site():
                if lean:
                    campaign = lean_demonstration.play(owner, chosen, workers=workers, seed=seed, say=self._say)
                    self.stdout.write(lean_table(campaign))
                    return
                job = self._run(Demonstration(created_by=owner, workers=workers, seed=seed, dataset=chosen))
        except Dataset.DoesNotExist:
            names = ", ".join(Dataset.objects.values_list("name", flat=True))
            raise CommandError(f"There is no data set '{dataset}'; there are {names}.") from None
        except (setting_up.CannotSetUp, ValueError) as error:
            raise CommandError(str(error)) from error
        if not job.is_done:
            raise CommandError(f"The demonstration failed: {job.error}")
        folder = self._files(job, output)
        self.stdout.write(table(job.figures, folder, job.duration_s))

    def _run(self, job: Demonstration) -> Demonstration:
        demonstration.check(job)
        job.save()
        self.stdout.write(f"Demonstration on '{job.dataset}' with {job.workers} simulated workers, seed {job.seed}")
        return running.execute(job, listen=self._say)

    def _say(self, line: str) -> None:
        self.stdout.write(f"  {line}")
        self.stdout.flush()

    @contextlib.contextmanager
    def _site(self) -> Iterator[None]:
        """The running site, or a web server of our own where nobody answers."""
        if _answers():
            yield
            return
        where = urlsplit(settings.PUBLIC_URL)
        command = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", where.hostname, "--port", str(where.port or 80),
            "--workers", "1", "--blocking-threads", "4", "--no-log", "config.wsgi:application",
        ]
        server = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_WITHIN_S
            while not _answers():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"No web server could be started at {settings.PUBLIC_URL}; is the port taken?")
                time.sleep(0.2)
            yield
        finally:
            server.terminate()
            server.wait(20)

    def _files(self, job: Demonstration, output: Path | None) -> Path:
        """The release's files where a person finds them."""
        release = Release.objects.get(name=job.figures["release"])
        folder = (output or Path(settings.VAR_DIR) / "demo" / release.name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name in release.files:
            with releasing.open_file(release, name) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
        (folder / "figures.json").write_text(json.dumps(job.figures, indent=1) + "\n")
        return folder


def _answers() -> bool:
    try:
        return httpx.get(f"{settings.PUBLIC_URL}/healthz", timeout=2, trust_env=False).text.strip() == "alive"
    except httpx.HTTPError:
        return False


def lean_table(campaign: Campaign) -> str:
    """What was bought, beside what the fixed plan would have."""
    plan, merge = publishing.price(campaign), merging.latest(campaign)
    states = Counter(campaign.standings.values_list("state", flat=True))
    rows = [
        ("votes", f"{merge.figures['votes']:,} of {plan.n_votes:,} that the fixed plan buys"),
        ("money", f"{campaign.spent_usd} of {plan.total_usd} USD"),
        ("pairs", ", ".join(f"{n} {state}" for state, n in states.most_common())),
        ("merged right", f"{merge.figures['accuracy_merged']:.1%}" if merge.figures.get("accuracy_merged") else "unknown"),
        ("rounds of training", str(campaign.rounds.filter(state="done").count())),
        ("state", campaign.get_state_display()),
    ]
    return "\n".join(["", *(f"  {name:<18}  {text}" for name, text in rows), ""])


def table(figures: dict, folder: Path, duration_s: float) -> str:
    """The figures for reading in a terminal."""
    rows = [
        ("votes", f"{figures['votes']:,} on {figures['pairs']:,} pairs by {figures['workers']} workers"),
        ("money", f"{figures['total_usd']} USD: {figures['assignments']} assignments, rewards {figures['reward_usd']}, "
                  f"fees {figures['fee_usd']} (about {figures['wage_usd_per_hour']} USD an hour)"),
    ]  # fmt: skip
    if figures.get("accuracy_raw") is not None:
        rows += [
            ("single votes right", f"{figures['accuracy_raw']:.1%}"),
            ("majority right", f"{figures['accuracy_majority']:.1%}"),
            ("merged right", f"{figures['accuracy_merged']:.1%} (promised: {1 - figures['mean_risk']:.1%})"),
        ]
        rows += [
            (f"  {row['from_mm'] / 10:.0f} to {row['to_mm'] / 10:.0f} cm apart" if row["to_mm"] < 5000
             else f"  beyond {row['from_mm'] / 10:.0f} cm",
             f"single {row['raw']:.1%}, merged {row['merged']:.1%} ({row['pairs']} pairs)")
            for row in figures["accuracy_by_gap"] if row["pairs"]
        ]  # fmt: skip
    else:
        rows.append(("accuracy", "unknown: this data set has no ground truth"))
    before, after = figures["lifter"]["before"], figures["lifter"]["after"]
    if "pa_mpjpe_mm" in after:
        rows += [
            ("lifter, Procrustes", f"{before['pa_mpjpe_mm']:.1f} mm before (flat poses), {after['pa_mpjpe_mm']:.1f} mm after"),
            ("lifter, best scale", f"{before['mpjpe_mm']:.1f} mm before, {after['mpjpe_mm']:.1f} mm after"),
        ]
    if after.get("labels_wrong") is not None:
        rows.append(("lifter, labels kept", f"{1 - after['labels_wrong']:.1%} of the merged labels are in its order"))
    if "order_accuracy" in after:
        rows.append(("lifter, order right", f"{after['order_accuracy']:.1%} of all pairs of joints"))
    rows += [("files", str(folder)), *(("", f"{name}, {size:,} bytes") for name, size in figures["files"].items())]
    rows.append(("time", f"{duration_s:.0f} s"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(["", *(f"  {name:<{width}}  {text}" for name, text in rows), ""])
