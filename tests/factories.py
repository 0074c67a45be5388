"""Small makers of rows, each with sensible defaults that a test overrides by name."""

import itertools
import random
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.utils import timezone

from annotation.models import Annotator, Choice, Comparison, Dataset, Image, Import, Pair, Person, Skeleton, Task, Vote
from crowd.models import Assignment, Campaign, Environment, Hit, HitPair, Worker

_number = itertools.count(1)


def make_user(**overrides):
    fields = {"username": f"researcher{next(_number)}", "is_staff": True, "is_superuser": True} | overrides
    password = fields.pop("password", "correct horse")
    return get_user_model().objects.create_user(password=password, **fields)


def make_skeleton(**overrides) -> Skeleton:
    """Five joints in a row down a body: enough for pairs, quick to read in a failure."""
    fields = {
        "name": f"skeleton-{next(_number)}",
        "title": "Five joints",
        "joints": ["head", "neck", "hip", "left knee", "right knee"],
        "bones": [[0, 1], [1, 2], [2, 3], [2, 4]],
        "mirror": [0, 1, 2, 4, 3],
        "root": 2,
        "figure": [[0.5, 0.1], [0.5, 0.3], [0.5, 0.55], [0.6, 0.9], [0.4, 0.9]],
    } | overrides
    return Skeleton.objects.create(**fields)


def make_dataset(**overrides) -> Dataset:
    fields = {"name": f"data set {next(_number)}", "source": "test"} | overrides
    fields.setdefault("owner", None)
    fields["owner"] = fields["owner"] or make_user()
    fields["skeleton"] = fields.get("skeleton") or make_skeleton()
    return Dataset.objects.create(**fields)


def make_image(**overrides) -> Image:
    """A real little JPEG with a gradient, different every time."""
    import io

    from PIL import Image as Picture

    number = next(_number)
    content = io.BytesIO()
    picture = Picture.linear_gradient("L").resize((200, 240)).convert("RGB")
    picture.putpixel((0, 0), (number % 256, number // 256 % 256, 77))
    picture.save(content, "PNG")
    fields = {"name": f"im{number:05d}.png", "sha256": f"{number:064x}", "width": 200, "height": 240} | overrides
    fields["dataset"] = fields.get("dataset") or make_dataset()
    fields.setdefault("file", ContentFile(content.getvalue(), f"{number:064x}.png"))
    return Image.objects.create(**fields)


def make_person(**overrides) -> Person:
    fields = {
        "number": 0,
        "keypoints": [[100, 30], [100, 60], [100, 120], [130, 200], [70, 200]],
        "occluded": [False] * 5,
        "truth_mm": [[0, -600, 100], [0, -450, 40], [0, 0, 0], [100, 450, -60], [-100, 450, 90]],
    } | overrides
    fields["image"] = fields.get("image") or make_image()
    return Person.objects.create(**fields)


def make_pair(**overrides) -> Pair:
    fields = {"first": 0, "second": 1} | overrides
    fields["person"] = fields.get("person") or make_person()
    return Pair.objects.create(**fields)


def make_pairs(n: int, dataset: Dataset | None = None) -> list[Pair]:
    """`n` pairs over as many people as it takes, five to each."""
    dataset = dataset or make_dataset()
    five = [(0, 1), (2, 1), (3, 4), (0, 3), (4, 2)]
    pairs = []
    while len(pairs) < n:
        person = make_person(image=make_image(dataset=dataset))
        pairs += [make_pair(person=person, first=a, second=b) for a, b in five[: n - len(pairs)]]
    return pairs


def make_annotator(**overrides) -> Annotator:
    return Annotator.objects.create(**overrides)


def make_task(*, pairs: list[Pair] | None = None, n_pairs: int = 5, **overrides) -> Task:
    """An open task whose sides and colours are drawn from its seed."""
    pairs = pairs if pairs is not None else make_pairs(n_pairs)
    fields = {"seed": 1, "expires_at": timezone.now() + timedelta(minutes=15)} | overrides
    fields["annotator"] = fields.get("annotator") or make_annotator()
    task = Task.objects.create(**fields)
    draw = random.Random(task.seed)
    Comparison.objects.bulk_create(
        Comparison(
            task=task, position=position, pair=pair,
            first_is_green=draw.random() < 0.5, first_is_left=draw.random() < 0.5,
        )
        for position, pair in enumerate(pairs)
    )
    return task


# --- A campaign with people in it ----------------------------------------------------------------


def make_environment(**overrides) -> Environment:
    fields = {
        "name": f"marketplace {next(_number)}",
        "endpoint_url": "http://127.0.0.1:9/marketplace/api",
        "worker_url": "http://127.0.0.1:9/marketplace",
        "requests_per_s": 0, "asks_requirements": False,
    } | overrides
    return Environment.objects.create(**fields)


def make_campaign(**overrides) -> Campaign:
    fields = {"name": f"campaign {next(_number)}", "consent_text": "", "has_tutorial": False} | overrides
    fields["dataset"] = fields.get("dataset") or make_dataset()
    fields["environment"] = fields.get("environment") or make_environment()
    fields.setdefault("owner", fields["dataset"].owner)
    return Campaign.objects.create(**fields)


def make_hit(*, campaign: Campaign | None = None, pairs: list[Pair] | None = None, **overrides) -> Hit:
    """On offer, with these pairs."""
    campaign = campaign or make_campaign()
    number = next(_number)
    fields = {
        "number": number, "request_token": f"request-{number}", "hit_id": f"HIT{number}", "status": "Assignable",
        "max_assignments": campaign.votes_per_pair, "published_at": timezone.now(),
    } | overrides
    hit = Hit.objects.create(campaign=campaign, **fields)
    pairs = pairs if pairs is not None else make_pairs(5, campaign.dataset)
    HitPair.objects.bulk_create(HitPair(hit=hit, pair=pair, position=place) for place, pair in enumerate(pairs))
    return hit


def make_worker(**overrides) -> Worker:
    fields = {"worker_id": f"A{next(_number):013d}"} | overrides
    fields["environment"] = fields.get("environment") or make_environment()
    fields["annotator"] = fields.get("annotator") or make_annotator()
    return Worker.objects.create(**fields)


def make_assignment(*, hit: Hit | None = None, worker: Worker | None = None, **overrides) -> Assignment:
    """Accepted, with an open task of the HIT's pairs."""
    hit = hit or make_hit()
    worker = worker or make_worker(environment=hit.campaign.environment)
    task = make_task(pairs=list(hit.pairs.order_by("hit_pairs__position")), annotator=worker.annotator)
    fields = {"assignment_id": f"ASSIGNMENT{next(_number)}", "task": task} | overrides
    return Assignment.objects.create(hit=hit, worker=worker, **fields)


def cast(comparison: Comparison, choice: Choice, *, number: int | None = None, **overrides) -> Vote:
    """One answer to a comparison; numbered after the task's last one."""
    task = comparison.task
    fields = {
        "number": number or task.votes.count() + 1, "choice": choice, "response_ms": 2500, "elapsed_ms": 2500,
        "pair_id": comparison.pair_id, "annotator_id": task.annotator_id,
        "first_is_green": comparison.first_is_green, "first_is_left": comparison.first_is_left,
    } | overrides
    return Vote.objects.create(task=task, comparison=comparison, **fields)


def answer(task: Task, choose, *, verified: bool = True) -> None:
    """Answer all of a task; `choose(pair)` says whether the first is closer."""
    for comparison in task.comparisons.select_related("pair__person"):
        cast(comparison, Choice.FIRST if choose(comparison.pair) else Choice.SECOND)
    now = timezone.now()
    Task.objects.filter(pk=task.pk).update(handed_in_at=now, verified_at=now if verified else None)


def make_voted_campaign(*, n_pairs: int = 20, votes: int = 5, wrong: float = 0.2, seed: int = 0, **overrides) -> Campaign:
    """A campaign with a verified vote of `votes` different workers on every pair; so many are wrong, at random."""
    draw = random.Random(seed)
    campaign = make_campaign(**overrides)
    hit = make_hit(campaign=campaign, pairs=make_pairs(n_pairs, campaign.dataset), max_assignments=votes)
    for _ in range(votes):
        answer(make_assignment(hit=hit).task, lambda pair: pair.truth_first != (draw.random() < wrong))
    return campaign


def make_import(**overrides) -> Import:
    """Waiting, in Nearer's own format."""
    fields = {"format": "nearer", "path": "/nowhere", "name": f"import {next(_number)}"} | overrides
    fields["created_by"] = fields.get("created_by") or make_user()
    return Import.objects.create(**fields)
