"""Every page of the panel, at size: python -m benchmarks.panel [--votes 1000000] [--sqlite] [--keep FOLDER]

Makes 100,000 pairs and 1,000,000 votes of 3,000 workers (ten on each pair), with payments, gold, merges, releases, a run
and a second, lean campaign, on a private PostgreSQL or in an SQLite file. Then a process of its own visits every page and
prints how often it asked the database and what it took (CPU, of page and database together): at first, with nothing kept,
and again.

With --keep what was made stays in that folder, and with --sqlite or DATABASE_URL (an empty database, where the tables are made)
the next measurement begins there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.playing import cpu_s
from config.services import postgres_server
from config.services.children import Children

ROOT = Path(__file__).resolve().parent.parent
VOTES_PER_PAIR, WORKERS, PER_HIT, BATCH = 10, 3_000, 25, 2_000
PAIRS = ((0, 1), (2, 5), (8, 3), (13, 6), (9, 12))
MOST_QUERIES, MOST_S = 20, 1.0
CHANGES_WHAT_IS_THERE = {"logout", "crowd_release_archive", "crowd_release_file", "modeling_run_file", "modeling_run_weights"}
EXPECT = (
    "protocol=fixed&votes_per_pair=5&images_per_hit=5&pairs_per_image=5&target_risk=0.05&most_votes=7&least_votes=1"
    "&exploration_share=0.05&reward_usd=0.10&delay_ms=750&gold_share=0&lifetime_s=604800"
)
LISTS = (
    "annotation_dataset", "annotation_person", "annotation_vote", "annotation_import", "crowd_campaign", "crowd_merge",
    "crowd_release", "crowd_hit", "crowd_assignment", "crowd_payment", "crowd_call", "crowd_worker", "modeling_run",
    "modeling_promotion", "admin_logentry", "auth_user",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--only", default="", help="pages whose name holds this word")
    parser.add_argument("--queries", action="store_true", help="print each page's slowest queries too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nearer-benchmark-", ignore_cleanup_errors=True) as name, Children() as children:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user where this one is root
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        database = os.environ.get("DATABASE_URL") or (
            f"sqlite:///{folder}/panel.sqlite3" if options.sqlite
            else postgres_server.start(children, folder / "postgres", log=folder / "postgres.log")
        )
        os.environ |= {"NEARER_VAR": str(folder), "OMP_NUM_THREADS": "1", "DATABASE_URL": database, "LOG_LEVEL": "ERROR"}
        made = folder / "made.json"
        if not made.exists():
            _inside(f"fill({options.votes}, {str(made)!r})")
        _inside(f"visit({str(made)!r}, only={options.only!r}, with_queries={options.queries})")


def _inside(call: str) -> None:
    subprocess.run([sys.executable, "-c", f"from benchmarks import panel; panel.{call}"], cwd=ROOT, check=True)


# --- A world of that size -------------------------------------------------------------------------


def setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def fill(n_votes: int, made: str) -> None:
    """Everything that a campaign of that size leaves behind; the primary keys of what is visited go to the file `made`."""
    setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from crowd import merging
    from crowd import releasing as releases
    from jobs import running

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    with transaction.atomic():
        campaign = _asked(n_votes // VOTES_PER_PAIR)
        _worked(campaign)
        _answered(campaign)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    began = time.perf_counter()
    merge = _done(running.execute(merging.start(campaign, campaign.owner)))
    print(f"merged in {time.perf_counter() - began:.0f} s", flush=True)
    old, new = (
        _done(running.execute(releases.start(merge, campaign.owner, name=f"release-{n}", formats=["csv"]))) for n in (1, 2)
    )
    run = _learnt(new)
    lean, draft = _others(campaign)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    Path(made).write_text(json.dumps({
        "campaign": campaign.pk, "merge": merge.pk, "releases": [old.pk, new.pk], "run": run.pk, "lean": lean.pk,
        "draft": draft.pk,
    }))


def _done(job):
    if not job.is_done:
        raise SystemExit(job.error)
    return job


def _asked(n_pairs: int):
    """A campaign on so many pairs: of an even pair the first keypoint is closer, of an odd one the second."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from annotation import skeletons
    from annotation.models import Dataset, Image, Pair, Person
    from crowd.models import Campaign, Environment, Hit, HitPair

    draw, now = random.Random(0), timezone.now()
    user = get_user_model().objects.create_superuser("benchmark")
    dataset = Dataset.objects.create(name="benchmark", owner=user, skeleton=skeletons.skeleton("lsp-14"), source="lsp")
    environment = Environment.objects.create(
        name="benchmark", endpoint_url="http://127.0.0.1:9/", worker_url="http://127.0.0.1:9/", requests_per_s=0,
        asks_requirements=False,
    )
    campaign = Campaign.objects.create(
        name="benchmark", owner=user, dataset=dataset, environment=environment, state="collecting", gold_share=0.04,
        budget_usd=9000, votes_per_pair=9,
    )
    n_people = n_pairs // len(PAIRS)
    images = Image.objects.bulk_create((
        Image(dataset=dataset, name=f"im{n:06d}.jpg", file=f"images/{n:064x}.jpg", sha256=f"{n * 7919:064x}", width=400,
              height=300)
        for n in range(n_people)
    ), batch_size=BATCH)
    people = Person.objects.bulk_create((
        Person(image=image, keypoints=[[round(draw.uniform(0, 400), 1), round(draw.uniform(0, 300), 1)] for _ in range(14)],
               occluded=[False] * 14, truth_mm=[[0, 0, 0] for _ in range(14)])
        for image in images
    ), batch_size=BATCH)
    pairs = Pair.objects.bulk_create(
        (Pair(person=person, first=a, second=b) for person in people for a, b in PAIRS), batch_size=BATCH
    )
    for number, pair in enumerate(pairs):
        gap_mm = draw.expovariate(1 / 200) * (1 if pair.pk % 2 == 0 else -1)
        pair.person.truth_mm[pair.second][2] = gap_mm
        pair.gold_first = gap_mm > 0 if number % 100 == 0 else None
    Person.objects.bulk_update(people, ["truth_mm"], batch_size=500)
    Pair.objects.bulk_update(pairs[::100], ["gold_first"], batch_size=500)
    hits = Hit.objects.bulk_create((
        Hit(campaign=campaign, number=n, request_token=f"r{n}", hit_id=f"HIT{n}", status="Assignable", published_at=now,
            expires_at=now + timedelta(days=7), max_assignments=VOTES_PER_PAIR)
        for n in range(n_pairs // PER_HIT)
    ), batch_size=BATCH)
    HitPair.objects.bulk_create((
        HitPair(hit=hits[n // PER_HIT], pair=pair, position=n % PER_HIT)
        for n, pair in enumerate(pairs[: len(hits) * PER_HIT])
    ), batch_size=BATCH)
    return campaign


def _worked(campaign) -> None:
    """Ten different workers at each HIT, handed in over two days, paid line by line; remarks of one in fifty."""
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType
    from django.utils import timezone

    from annotation.models import Annotator, Task
    from crowd.models import Assignment, Call, Payment, Worker

    draw, now = random.Random(1), timezone.now()
    annotators = Annotator.objects.bulk_create([Annotator() for _ in range(WORKERS)])
    workers = Worker.objects.bulk_create([
        Worker(environment=campaign.environment, worker_id=f"A{n}", annotator=one) for n, one in enumerate(annotators)
    ])
    given = [(hit, who) for hit in campaign.hits.all() for who in draw.sample(workers, VOTES_PER_PAIR)]
    draw.shuffle(given)
    ends = [now - timedelta(days=2) * (1 - n / len(given)) for n in range(len(given))]
    tasks = Task.objects.bulk_create((
        Task(annotator_id=who.annotator_id, seed=1, created_at=at, expires_at=now, handed_in_at=at, verified_at=at,
             feedback={"problem": "", "ease": 7, "comment": "Nice."} if n % 50 == 0 else None)
        for n, ((_, who), at) in enumerate(zip(given, ends))
    ), batch_size=BATCH)
    done = Assignment.objects.bulk_create((
        Assignment(hit=hit, worker=who, assignment_id=f"A{task.pk}", task=task, state="approved", accepted_at=at,
                   submitted_at=at, decided_at=at)
        for (hit, who), task, at in zip(given, tasks, ends)
    ), batch_size=BATCH)
    shared = {"environment": campaign.environment, "campaign": campaign}
    about = [{"at": at, "assignment": one, "worker": one.worker} for one, at in zip(done, ends)]
    Payment.objects.bulk_create((
        Payment(kind="reward", amount_usd="0.10", fee_usd="0.02", token=f"p{n}", **shared, **one)
        for n, one in enumerate(about)
    ), batch_size=BATCH)
    Call.objects.bulk_create((
        Call(kind="approve", state="done", token=f"c{n}", ended_at=one.pop("at"), **shared, **one)
        for n, one in enumerate(about)
    ), batch_size=BATCH)
    kind = ContentType.objects.get_for_model(campaign)
    LogEntry.objects.bulk_create((
        LogEntry(user=campaign.owner, content_type=kind, object_id=campaign.pk, object_repr=str(campaign), action_flag=2,
                 change_message="Collected.")
        for _ in range(20_000)
    ), batch_size=BATCH)


def _answered(campaign) -> None:
    """One vote on every comparison, written by the database itself; workers err 15 to 40 times in a hundred."""
    from django.db import connection

    draw = "random()" if connection.vendor == "postgresql" else "((random() & 1048575) / 1048576.0)"
    errs = "(0.15 + 0.25 * (t.annotator_id * 37 % 100) / 100.0)"
    with connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO annotation_comparison (task_id, position, pair_id, first_is_green, first_is_left, is_gold)
            SELECT a.task_id, h.position, h.pair_id, {draw} < 0.5, {draw} < 0.5, p.gold_first IS NOT NULL
            FROM crowd_assignment a JOIN crowd_hitpair h ON h.hit_id = a.hit_id JOIN annotation_pair p ON p.id = h.pair_id
            ORDER BY a.id, h.position
        """)
        cursor.execute(f"""
            INSERT INTO annotation_vote (task_id, number, comparison_id, pair_id, annotator_id, choice, first_is_green,
                first_is_left, response_ms, elapsed_ms, given_at)
            SELECT c.task_id, c.position + 1, c.id, c.pair_id, t.annotator_id,
                1 + CASE WHEN {draw} < {errs} THEN 1 - c.pair_id % 2 ELSE c.pair_id % 2 END,
                c.first_is_green, c.first_is_left, CAST(800 + 5000 * {draw} * {draw} AS integer), 2000, t.handed_in_at
            FROM annotation_comparison c JOIN annotation_task t ON t.id = c.task_id ORDER BY c.id
        """)


def _learnt(release):
    from annotation.models import Person
    from modeling.models import Prediction, Run

    run = Run.objects.create(
        name="benchmark", release=release, state=Run.State.DONE, created_by=release.created_by, n_labels=100_000,
        n_votes=1_000_000, spent_usd="4800.00", curve=[{"epoch": n, "loss": 1 / (n + 1)} for n in range(200)],
        figures={"before": {"pa_mpjpe_mm": 140.0}, "after": {"pa_mpjpe_mm": 82.5, "mpjpe_mm": 101.0, "order_accuracy": 0.83}},
    )
    people = Person.objects.filter(image__dataset=release.campaign.dataset_id).values_list("pk", "truth_mm")
    Prediction.objects.bulk_create(
        [Prediction(run=run, person_id=pk, pose_mm=truth) for pk, truth in people], batch_size=1000
    )
    return run


def _others(campaign):
    """A lean campaign on the same pairs, and a draft."""
    from annotation.models import Pair
    from crowd.models import Campaign, Standing

    draw = random.Random(2)
    same = {"owner": campaign.owner, "dataset": campaign.dataset, "environment": campaign.environment}
    lean = Campaign.objects.create(name="lean", protocol="lean", state="collecting", **same)
    pairs = Pair.objects.of_dataset(campaign.dataset).values_list("pk", "person__image_id")
    Standing.objects.bulk_create(
        [
            Standing(campaign=lean, pair_id=pk, image_id=image, state=draw.choice(["open", "sure", "agreed", "capped"]),
                     n_votes=draw.randrange(8), risk=draw.random() / 2, rank=draw.random(), draw=draw.random())
            for pk, image in pairs
        ],
        batch_size=2000,
    )
    return lean, Campaign.objects.create(name="draft", **same)


# --- Visits ---------------------------------------------------------------------------------------


def pages(made: dict) -> dict[str, str]:
    """Address of every page by its name: first those that show much, then whatever else the panel's table of addresses has."""
    from django.contrib import admin
    from django.urls import reverse

    from annotation.models import Person
    from crowd.models import Assignment, Campaign, Payment
    from tests.panel import every_page

    campaign = Campaign.objects.select_related("dataset").get(pk=made["campaign"])
    busiest = Assignment.objects.filter(hit__campaign=campaign).order_by("pk").first()
    person = Person.objects.filter(image__dataset=campaign.dataset).order_by("image__name")[10_000 % 1000]

    def at(name: str, *args, **said) -> str:
        asked = "&".join(f"{key}={value}" for key, value in said.items())
        return reverse(f"admin:{name}", args=args) + (f"?{asked}" if asked else "")

    dataset, merge, (old, new), lean, draft = (
        campaign.dataset_id, made["merge"], made["releases"], made["lean"], made["draft"]
    )
    shown = ["all", "voted", "unvoted", "unasked", "missing", "truth", "doubtful", "sure"]
    found = {
        "overview": at("index"),
        **{f"data set, {show}": at("annotation_dataset_change", dataset, show=show) for show in shown},
        "data set, page 300": at("annotation_dataset_change", dataset, page=300),
        "data set, doubtful, page 300": at("annotation_dataset_change", dataset, show="doubtful", page=300),
        "data set, by a name": at("annotation_dataset_change", dataset, q="im0100"),
        "more pairs": at("annotation_dataset_pairs", dataset, strategy="all", count=1, seed=1),
        "person": at("annotation_person_change", person.pk),
        "campaign": at("crowd_campaign_change", campaign.pk),
        "campaign, every two seconds": at("crowd_campaign_live", campaign.pk),
        "campaign, worth": at("crowd_campaign_worth", campaign.pk),
        "campaign, what the votes say": at("crowd_campaign_votes", campaign.pk),
        "campaign, where a lean one's votes went": at("crowd_campaign_lean", lean),
        "campaign, lean": at("crowd_campaign_change", lean),
        "campaign, draft": at("crowd_campaign_change", draft),
        "campaign, new": at("crowd_campaign_add"),
        "campaign, play of settings": f"{at('crowd_campaign_expect')}?dataset={dataset}&{EXPECT}",
        "campaign, price": f"{at('crowd_campaign_price')}?dataset={dataset}&{EXPECT}",
        "launch": at("crowd_campaign_launch", draft),
        "as workers will see it": at("crowd_campaign_preview", draft),
        "the question": at("crowd_campaign_question", draft),
        "offer": at("crowd_campaign_offer", campaign.pk),
        "work": at("crowd_campaign_work", campaign.pk, show="both"),
        "wages": at("crowd_campaign_wages", campaign.pk),
        "merge": at("crowd_merge_change", merge),
        "review": at("crowd_merge_review", merge),
        "review, page 5000": at("crowd_merge_review", merge, page=5000),
        "review, gold": at("crowd_merge_review", merge, show="gold"),
        "review, against": at("crowd_merge_review", merge, show="against"),
        "analysis": at("crowd_merge_analysis", merge),
        "worker": at("crowd_worker_change", busiest.worker_id),
        "task": at("crowd_assignment_change", busiest.pk),
        "release": at("crowd_release_change", new),
        "release, make": at("crowd_merge_release", merge),
        "releases, compared": at("crowd_release_compare", new, **{"with": old}),
        "run": at("modeling_run_change", made["run"]),
        "run, page 500": at("modeling_run_change", made["run"], page=500),
        "run, new": at("modeling_run_add"),
        "run, promote": at("modeling_run_promote", made["run"]),
        "runs, compared": at("modeling_run_compare", dataset=dataset),
        "line of the ledger": at("crowd_payment_change", Payment.objects.order_by("pk").first().pk),
        **{f"list of {name.partition('_')[2]}s": at(f"{name}_changelist") for name in LISTS},
        "list of payments, page 300": at("crowd_payment_changelist", p=300),
        "list of assignments, submitted": at("crowd_assignment_changelist", state__exact="submitted"),
        "list of workers, by skill": at("crowd_worker_changelist", o=4),
    }
    first = {
        f"{model._meta.app_label}_{model._meta.model_name}": model._default_manager.order_by("pk").first()
        for model in admin.site._registry
    }
    first |= {
        "crowd_campaign": campaign, "annotation_dataset": campaign.dataset, "lean": Campaign.objects.get(pk=lean),
        "draft": Campaign.objects.get(pk=draft), "by link": None, "by invitation": None,
        "older release": first["crowd_release"],
    }
    there = {url.partition("?")[0] for url in found.values()}
    rest = {name: url for name, url in every_page.addresses(first).items() if url.partition("?")[0] not in there}
    return found | {name: url for name, url in rest.items() if name not in CHANGES_WHAT_IS_THERE}


def visit(made: str, *, only: str = "", with_queries: bool = False) -> None:
    setup()
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    user = get_user_model().objects.get(username="benchmark")
    client, colleague = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
    client.force_login(user)
    colleague.force_login(_colleague(user))
    kind = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    print(f"{kind}; load at the start {os.getloadavg()[0]:.1f} of {os.cpu_count()} processors", flush=True)
    for one in (client, colleague):  # templates and modules are loaded, and it is noted when the session began
        one.get(pages(json.loads(Path(made).read_text()))["overview"])
    print("| page | queries | a colleague's | CPU s, nothing kept | again |  |\n|---|--:|--:|--:|--:|---|")
    for name, url in pages(json.loads(Path(made).read_text())).items():
        if only not in name:
            continue
        cache.clear()
        found = []
        for _ in range(2):
            began = _spent_s(connection)
            with CaptureQueriesContext(connection) as asked:
                answer = client.get(url)
            found.append((len(asked), _spent_s(connection) - began))
            if answer.status_code not in (200, 302, 403):
                print(f"{name}: {url} answered {answer.status_code}", file=sys.stderr)
            if with_queries and len(found) == 1:
                slowest = sorted(asked.captured_queries, key=lambda one: -float(one["time"]))[:4]
                for one in slowest:
                    print(f"   {one['time']} s  {one['sql'][:700]}", file=sys.stderr)
        if answer.status_code != 200:
            continue  # a form's address, or a page that this row does not have
        cache.clear()
        with CaptureQueriesContext(connection) as theirs:
            shared = colleague.get(url).status_code == 200
        n, seconds = max(one for one, _ in found), [spent for _, spent in found]
        marks = ["many"] * (max(n, len(theirs) * shared) >= MOST_QUERIES) + ["slow"] * (seconds[0] > MOST_S)
        also = len(theirs) if shared else "–"
        print(f"| {name} | {n} | {also} | {seconds[0]:.2f} | {seconds[1]:.2f} | {' '.join(marks)} |", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


def _colleague(owner):
    """Somebody who may do everything that a manager may with the data set that is shared with him."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    from access.sharing import Role
    from annotation.panel import roles

    roles.ensure()
    user, is_new = get_user_model().objects.get_or_create(username="colleague", defaults={"is_staff": True})
    if is_new:
        user.groups.add(Group.objects.get(name="Manager"))
        owner.datasets.get().shares.create(user=user, role=Role.SPEND)
    return user


def _spent_s(connection) -> float:
    """CPU of this process, and of the database's process that serves it; a busy machine does not lengthen it."""
    spent = time.process_time()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        spent += cpu_s(connection.connection.info.backend_pid)
    return spent


if __name__ == "__main__":
    main()
