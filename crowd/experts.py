"""What invited experts answered: how far two of them agree, and their answers as known ones.

The paper's authors labelled 500 pairs so, two of them the same pairs.
"""

from dataclasses import dataclass
from itertools import combinations

from django.db import transaction

from annotation.models import Choice, Pair, Vote
from crowd.models import Campaign, Invitation

Answers = dict[int, bool]  # by pair: whether the first keypoint was said to be closer


@dataclass(frozen=True)
class Agreement:
    """Two people's answers to the same pairs.

    Attributes:
        n: pairs that both answered.
        raw: share of them with the same answer; None without any.
        kappa: Cohen's, -1 to 1; None without any, or where both always said the same word.
    """

    one: Invitation
    other: Invitation
    n: int
    raw: float | None
    kappa: float | None


def cohens_kappa(first: list[bool], second: list[bool]) -> float | None:
    """Agreement beyond chance of two raters on the same items: (p_o - p_e) / (1 - p_e) (Cohen 1960).

    p_e comes from how often each of them said "the first". As the order of a pair's keypoints
    was drawn at random, it is near one half.

    Args:
        first, second: N answers each, in the same order.
    Returns: -1 to 1; None for N = 0, and where both gave one and the same answer throughout.
    """
    n = len(first)
    if n != len(second):
        raise ValueError(f"{n} answers cannot be compared with {len(second)}")
    if not n:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    p, q = sum(first) / n, sum(second) / n
    expected = p * q + (1 - p) * (1 - q)
    return None if expected == 1 else (observed - expected) / (1 - expected)


def answers(campaign: Campaign) -> dict[int, Answers]:
    """By annotator, the standing answers of everybody who took part; their last one where an earlier campaign asked too."""
    rows = Vote.objects.standing().filter(task__assignment__hit__campaign=campaign, task__verified_at__isnull=False)
    found: dict[int, Answers] = {}
    for annotator, pair, choice in rows.order_by("pk").values_list("annotator_id", "pair_id", "choice"):
        found.setdefault(annotator, {})[pair] = choice == Choice.FIRST
    return found


def agreements(campaign: Campaign) -> list[Agreement]:
    """For each two of the invited, most pairs in common first."""
    given = answers(campaign)
    people = list(campaign.invitations.select_related("worker"))
    made = []
    for one, other in combinations(people, 2):
        mine, theirs = (given.get(who.worker.annotator_id, {}) for who in (one, other))
        both = sorted(mine.keys() & theirs.keys())
        first, second = [mine[pair] for pair in both], [theirs[pair] for pair in both]
        raw = sum(a == b for a, b in zip(first, second)) / len(both) if both else None
        made.append(Agreement(one, other, len(both), raw, cohens_kappa(first, second)))
    return sorted(made, key=lambda row: -row.n)


def table(campaign: Campaign) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a CSV: each pair with everybody's answer as the name of the joint that was said to be closer.

    People are columns under their pseudonyms; empty where somebody has not answered.
    """
    given = answers(campaign)
    people = [who.worker.annotator for who in campaign.invitations.select_related("worker__annotator")]
    joints = campaign.dataset.skeleton.joints
    wanted = {pair for some in given.values() for pair in some}
    pairs = Pair.objects.filter(pk__in=wanted).select_related("person__image")
    rows = []
    for pair in sorted(pairs, key=lambda pair: (pair.person.image.name, pair.person.number, pair.pk)):
        said = [given.get(who.pk, {}).get(pair.pk) for who in people]
        known = [word for word in said if word is not None]
        rows.append([
            pair.person.image.name, str(pair.person.number), joints[pair.first], joints[pair.second],
            *("" if word is None else joints[pair.first if word else pair.second] for word in said),
            "" if len(known) < 2 else ("yes" if len(set(known)) == 1 else "no"),
        ])
    return ["image", "person", "first", "second", *(who.pseudonym for who in people), "all_agree"], rows


@transaction.atomic
def take_as_known(campaign: Campaign, invitation: Invitation | None) -> int:
    """Make answers known ones: one person's, or (None) those that two or more gave and nobody contradicted.

    What is known already stays. Returns how many pairs are known now that were not.
    """
    given = answers(campaign)
    if invitation is not None:
        chosen = given.get(invitation.worker.annotator_id, {})
    else:
        invited = set(campaign.invitations.values_list("worker__annotator", flat=True))
        said: dict[int, list[bool]] = {}
        for annotator in invited & given.keys():
            for pair, word in given[annotator].items():
                said.setdefault(pair, []).append(word)
        chosen = {pair: words[0] for pair, words in said.items() if len(words) > 1 and len(set(words)) == 1}
    unknown = Pair.objects.filter(gold_first=None)
    count = 0
    for word in (True, False):
        mine = [pair for pair, first in chosen.items() if first is word]
        for start in range(0, len(mine), 500):
            count += unknown.filter(pk__in=mine[start : start + 500]).update(gold_first=word)
    return count
