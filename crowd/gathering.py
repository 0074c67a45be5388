"""What a release holds, read from the database in pieces: people with pairs and votes, and the facts for its card.

Memory holds some hundred images at a time, whatever the number of votes. Queries are short and one
after another, so that no snapshot of the database is kept open while files are written.
"""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC

import numpy as np
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from annotation.models import Annotator, Choice, Image, Pair, Person, Task, Vote
from config import __version__
from crowd.models import Campaign, Consensus, Merge, Payment, Release, VoteImport, usd
from crowd.releases.rows import About, PairRow, PersonRow, VoteRow, WorkerRow
from crowd.vote_imports import importing
from jobs.running import JobError

IMAGES_AT_ONCE = 200
TASKS_AT_ONCE = 1000
DIGITS = 6  # of every probability, so that the last bits of a sum never show


def pseudonyms(release: Release) -> dict[int, str]:
    """A name for each annotator of the merge that holds in this release only, and tells nothing without its key."""
    key = bytes.fromhex(release.pseudonym_key)
    rows = Annotator.objects.filter(skills__merge=release.merge).values_list("pk", "pseudonym")
    names = {pk: "w" + hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16] for pk, name in rows.iterator()}
    if len(set(names.values())) != len(names):
        raise JobError("Two workers have the same pseudonym in this release; give the release another name.")
    return names


def workers(merge: Merge, names: dict[int, str]) -> list[WorkerRow]:
    """What the merge says of each worker, sorted by pseudonym."""
    return sorted(
        WorkerRow(
            names[row.annotator_id], row.n_votes, _rounded(row.agreement), _rounded(row.skill), _rounded(row.low),
            _rounded(row.high), row.kind, _rounded(row.biases.get("green")), _rounded(row.biases.get("left")),
        )
        for row in merge.skills.iterator()
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def tasks_of(merge: Merge) -> QuerySet[Task]:
    """The tasks whose votes the merge could read: verified by then. Of their votes it read those up to its newest."""
    tasks = Task.objects.filter(assignment__hit__campaign=merge.campaign_id, verified_at__isnull=False).order_by()
    return tasks.filter(verified_at__lte=merge.started_at) if merge.started_at else tasks


def people(release: Release, names: dict[int, str]) -> Iterator[tuple[float, list[PersonRow]]]:
    """The share done so far and the next people with merged pairs, by image name and number; votes by worker.

    Names are compared by code point here, as databases disagree about the order of letters.

    Raises: JobError where the votes are no longer those that were merged.
    """
    merge = release.merge
    images = sorted(Image.objects.filter(dataset=release.campaign.dataset_id).values_list("name", "pk").iterator())
    order = np.array([pk for _, pk in images], np.int64)
    del images
    reader = _Reader(merge, names)
    for start in range(0, len(order), IMAGES_AT_ONCE):
        some = order[start : start + IMAGES_AT_ONCE].tolist()
        found = reader.people(some)
        if found:
            yield min(1.0, (start + len(some)) / len(order)), found


class _Reader:
    """Reads one run of images after another."""

    def __init__(self, merge: Merge, names: dict[int, str]):
        self._merge, self._names = merge, names
        self._no_colour, self._no_side = importing.unknown_shows(merge.campaign)
        self._tasks = np.fromiter(tasks_of(merge).order_by().values_list("pk", flat=True).iterator(), np.int64)
        self._tasks.sort()

    def people(self, images: list[int]) -> list[PersonRow]:
        rows = Person.objects.filter(image__in=images).select_related("image")
        found = {row.pk: row for row in rows}
        pairs = self._pairs(list(found))
        return sorted(
            (self._person(row, pairs[row.pk]) for row in found.values() if row.pk in pairs),
            key=lambda person: (person.image, person.number),
        )

    @staticmethod
    def _person(row: Person, pairs: list[PairRow]) -> PersonRow:
        image = row.image
        return PersonRow(
            image.name, row.number, image.width, image.height, is_train(image), row.keypoints, row.occluded,
            row.truth_mm, sorted(pairs, key=lambda pair: (pair.first, pair.second)),
        )

    def _pairs(self, people: list[int]) -> dict[int, list[PairRow]]:
        asked = Pair.objects.filter(person__in=people).order_by().values_list("pk", "person_id", "first", "second")
        of_pair = {pk: rest for pk, *rest in asked}
        rows = Consensus.objects.filter(merge=self._merge, pair__in=list(of_pair))
        rows = list(rows.values_list("pair_id", "p_first", "risk", "n_votes"))
        votes = self._standing([row[0] for row in rows])
        pairs: dict[int, list[PairRow]] = {}
        for pk, p_first, risk, n_votes in rows:
            person, first, second = of_pair[pk]
            given = votes.get(pk, [])
            if len(given) != n_votes:
                raise JobError(
                    f"Pair {pk} has {len(given)} verified votes, and {n_votes} were merged: votes were confirmed or taken "
                    "back since. Merge again, and release that."
                )
            pairs.setdefault(person, []).append(PairRow(first, second, round(p_first, DIGITS), round(risk, DIGITS), given))
        return pairs

    def _standing(self, pairs: list[int]) -> dict[int, list[VoteRow]]:
        """By pair, the last word of each worker where it is not an undo, sorted by pseudonym.

        Votes and tasks are asked for apart, whatever a database thinks of joins, and tasks only once.
        """
        rows = list(
            Vote.objects.filter(pair__in=pairs, pk__lte=self._merge.votes_upto or 0).order_by().values_list(
                "comparison_id", "number", "pair_id", "annotator_id", "choice", "first_is_green", "first_is_left",
                "response_ms", "task_id",
            )
        )
        asked = np.unique([row[8] for row in rows]).astype(np.int64)
        place = np.searchsorted(self._tasks, asked)
        tasks = set(asked[np.append(self._tasks, -1)[place] == asked].tolist())
        last: dict[int, tuple] = {}
        for row in rows:
            known = last.get(row[0])
            if row[8] in tasks and (known is None or known[1] < row[1]):
                last[row[0]] = row
        counted = {(row[2], row[3]): row for _, row in sorted(last.items()) if row[4] != Choice.UNDONE}
        found: dict[int, list[VoteRow]] = {}
        for _, _, pair, annotator, choice, green, left, ms, _ in counted.values():
            found.setdefault(pair, []).append(VoteRow(
                self._names[annotator], choice == Choice.FIRST, None if self._no_colour else green,
                None if self._no_side else left, ms or None,
            ))
        for votes in found.values():
            votes.sort(key=lambda vote: vote.worker)
        return found


def is_train(image: Image) -> bool:
    """Four of five images, by the hash of the content, so that a picture never changes sides."""
    return int(image.sha256[-8:], 16) % 5 != 0


def _import_of(campaign: Campaign) -> VoteImport | None:
    return campaign.vote_imports.filter(state=VoteImport.State.DONE).order_by("pk").first()


def about(release: Release) -> About:
    """What the manifest, the card and the metadata say besides what is counted."""
    campaign, merge, dataset = release.campaign, release.merge, release.campaign.dataset
    skeleton, figures = dataset.skeleton, merge.figures
    return About(
        name=release.name, software=f"Nearer {__version__}", description=release.description or dataset.description,
        licence=release.licence or dataset.licence, citation=release.citation or dataset.citation,
        skeleton={
            "name": skeleton.name, "joints": skeleton.joints, "bones": skeleton.bones, "mirror": skeleton.mirror,
            "root": skeleton.root,
        },
        dataset={
            "name": dataset.name, "source": dataset.source, "description": dataset.description, "licence": dataset.licence,
            "citation": dataset.citation,
        },
        merge={
            "method": merge.method, "seed": merge.seed, "settings": figures.get("settings", {}),
            "notes": figures.get("notes", []), "accuracy_raw": figures.get("accuracy_raw"),
            "accuracy_merged": figures.get("accuracy_merged"),
        },
        campaign=_campaign(campaign, merge), wages=wages(merge),
    )


def _campaign(campaign: Campaign, merge: Merge) -> dict:
    imported = _import_of(campaign)
    days = [None, None] if imported else _days(merge)
    return {
        "imported": imported.filename if imported else "", "way": campaign.environment.get_kind_display(), "days": days,
        "votes_per_pair": None if imported else campaign.votes_per_pair, "protocol": campaign.protocol,
        "target_risk": campaign.target_risk if campaign.is_lean else None,
        "most_votes": campaign.most_votes if campaign.is_lean else None, "title": campaign.title, "delay_ms": campaign.delay_ms,
        "comparisons_per_hit": campaign.comparisons_per_hit, "images_per_hit": campaign.images_per_hit,
        "seed": campaign.seed, "gold_share": campaign.gold_share, "has_tutorial": campaign.has_tutorial,
        "teaches_lean": campaign.teaches_lean, "has_consent": bool(campaign.consent_text),
        "consent_version": campaign.consent_version, "knows_colour": imported is None or imported.knows_colour,
        "knows_side": imported is None or imported.knows_side, "pair_strategies": _strategies(merge),
    }


def _strategies(merge: Merge) -> dict[str, int]:
    """How the merged pairs came to be asked, and how many by each way."""
    rows = Consensus.objects.filter(merge=merge).order_by("pair__strategy").values_list("pair__strategy")
    return dict(rows.annotate(Count("pk")))


def _days(merge: Merge) -> list[str | None]:
    """First and last day of the votes, ISO, in UTC."""
    span = tasks_of(merge).aggregate(first=Min("votes__given_at"), last=Max("votes__given_at"))
    return [None if when is None else when.astimezone(UTC).date().isoformat() for when in span.values()]


def _seconds(tasks: np.ndarray, merge: Merge) -> np.ndarray:
    """How long each task's answers took, second thoughts included; tasks that tell no time are left out."""
    found = []
    for start in range(0, len(tasks), TASKS_AT_ONCE):
        votes = Vote.objects.filter(task__in=tasks[start : start + TASKS_AT_ONCE].tolist(), pk__lte=merge.votes_upto or 0)
        rows = votes.order_by().values_list("task").annotate(ms=Sum("elapsed_ms"))
        found += [ms / 1000 for _, ms in rows if ms]
    return np.array(found)


def wages(merge: Merge) -> dict:
    """What the merged tasks were paid until the merge, and how long their answers took.

    Amounts are text with cents, without the marketplace's fee; `hourly_usd` is the reward over the median time.
    Payments made later do not count, so that the same merge always gives the same card.
    """
    campaign = merge.campaign
    payments = Payment.objects.filter(campaign=campaign, kind__in=[Payment.Kind.REWARD, Payment.Kind.BONUS])
    if merge.ended_at:
        payments = payments.filter(at__lte=merge.ended_at)
    sums = payments.aggregate(
        paid=Sum("amount_usd"), fee=Sum("fee_usd"), bonus=Sum("amount_usd", filter=Q(kind=Payment.Kind.BONUS)),
        tasks=Count("assignment", distinct=True),
    )
    tasks = np.fromiter(tasks_of(merge).values_list("pk", flat=True).iterator(), np.int64)
    seconds = _seconds(tasks, merge)
    median_s = float(np.median(seconds)) if len(seconds) else None
    eased = tasks_of(merge).filter(feedback__ease__isnull=False).values_list("feedback__ease", flat=True)
    ease = [int(value) for value in eased.iterator() if str(value).lstrip("-").isdigit()]
    return {
        "reward_usd": str(campaign.reward_usd), "paid_usd": str(usd(sums["paid"])) if sums["paid"] else "",
        "bonus_usd": str(usd(sums["bonus"])), "fee_usd": str(usd(sums["fee"])), "tasks": sums["tasks"],
        "median_s": round(median_s, 1) if median_s else None,
        "hourly_usd": f"{float(campaign.reward_usd) * 3600 / median_s:.2f}" if median_s and sums["paid"] else None,
        "ease_n": len(ease), "ease_mean": round(float(np.mean(ease)), 2) if ease else None,
    }
