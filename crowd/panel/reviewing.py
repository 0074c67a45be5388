"""The pairs that a merge is least sure of, with the votes and who gave them, for an expert's eye."""

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from annotation.models import Choice, Pair, Vote
from annotation.panel.drawings import drawing, pair_marks
from crowd.models import Consensus, Merge

PER_PAGE = 12
SHOWS = {"doubtful": "Most doubtful", "gold": "With an expert's answer", "against": "Against an expert's answer"}
ANSWERS = {"first": True, "second": False, "unknown": None}


def doubtful(merge: Merge, request: HttpRequest) -> dict:
    """One page of pairs as the address asks: `show` and `page`."""
    show = request.GET.get("show", "doubtful")
    show = show if show in SHOWS else "doubtful"
    page = Paginator(_rows(merge, show), PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    votes = standing_votes([row.pair_id for row in rows], merge)
    skeleton = merge.campaign.dataset.skeleton
    return {
        "shows": [{"slug": slug, "title": title, "here": slug == show} for slug, title in SHOWS.items()],
        "review_page": page,
        "rows": [_card(row, skeleton, votes.get(row.pair_id, [])) for row in rows],
    }


def _rows(merge: Merge, show: str) -> QuerySet[Consensus]:
    rows = merge.consensuses.select_related("pair__person__image").order_by("-risk", "pair_id")
    if show == "gold":
        return rows.filter(pair__gold_first__isnull=False)
    if show == "against":
        wrong_first = rows.filter(pair__gold_first=False, p_first__gte=0.5)
        return wrong_first | rows.filter(pair__gold_first=True, p_first__lt=0.5)
    return rows.filter(pair__gold_first__isnull=True)


def standing_votes(pairs: list[int], merge: Merge) -> dict[int, list[dict]]:
    """By pair: the last word on each comparison of the merge's campaign, where it is no undo."""
    rows = Vote.objects.filter(pair__in=pairs, task__assignment__hit__campaign=merge.campaign_id)
    last = {}
    for vote in rows.select_related("annotator__worker", "task").order_by("comparison_id", "number"):
        last[vote.comparison_id] = vote
    found: dict[int, list[dict]] = {}
    for vote in sorted(last.values(), key=lambda vote: vote.pk):
        if vote.choice != Choice.UNDONE:
            found.setdefault(vote.pair_id, []).append({
                "chose_first": vote.choice == Choice.FIRST, "annotator": vote.annotator,
                "worker": getattr(vote.annotator, "worker", None), "seconds": vote.response_ms / 1000,
                "verified": vote.task.verified_at is not None,
            })
    return found


def _card(row: Consensus, skeleton, votes: list[dict]) -> dict:
    pair, person = row.pair, row.pair.person
    return {
        "pair": pair, "person": person, "drawing": drawing(person, skeleton), "marks": pair_marks(pair, person),
        "first": skeleton.joints[pair.first], "second": skeleton.joints[pair.second],
        "p_first": row.p_first, "sure": max(row.p_first, 1 - row.p_first), "risk": row.risk, "votes": votes,
    }


def answer(pair: Pair, word: str) -> None:
    """Store an expert's answer, or take it back with `unknown`. Raises: KeyError for another word."""
    Pair.objects.filter(pk=pair.pk).update(gold_first=ANSWERS[word])
