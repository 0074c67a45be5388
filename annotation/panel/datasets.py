"""A data set's page: how much there is, and a gallery of its people."""

from collections.abc import Callable

from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest

from annotation.models import Dataset, Pair, Person, Vote
from annotation.panel.drawings import drawing

PER_PAGE = 48
Keep = Callable[[QuerySet[Person]], QuerySet[Person]]  # those that a filter of the gallery shows


def _with_votes() -> Exists:
    return Exists(Vote.objects.filter(pair__person=OuterRef("pk")))


def _with_missing(people: QuerySet[Person]) -> QuerySet[Person]:
    return people.annotate(said=Cast("keypoints", TextField())).filter(said__contains="null")


SHOWS: dict[str, tuple[str, Keep]] = {
    "all": ("All people", lambda people: people),
    "voted": ("With votes", lambda people: people.filter(_with_votes())),
    "unvoted": ("Without votes", lambda people: people.filter(~_with_votes())),
    "unasked": ("Without pairs", lambda people: people.filter(~Exists(Pair.objects.filter(person=OuterRef("pk"))))),
    "missing": ("With missing keypoints", _with_missing),
    "truth": ("With ground truth", lambda people: people.filter(truth_mm__isnull=False)),
}


def counts(dataset: Dataset) -> list[dict]:
    """The size of the data set, for the tiles on top of its page."""
    people = Person.objects.filter(image__dataset=dataset)
    rows = people.aggregate(people=Count("pk"), with_truth=Count("truth_mm"))
    return [
        {"label": "Images", "value": dataset.images.count()},
        {"label": "People", "value": rows["people"], "detail": f"{rows['with_truth']:,} with 3D ground truth"},
        {"label": "Pairs", "value": Pair.objects.of_dataset(dataset).count(), "detail": "questions that can be asked"},
        {"label": "Skeleton", "text": dataset.skeleton.title, "detail": f"{len(dataset.skeleton.bones)} bones"},
    ]


def gallery(dataset: Dataset, request: HttpRequest, more: list[dict[str, tuple[str, Keep]]] = ()) -> dict:
    """One page of people, filtered as the address says: `show`, `q` (part of an image's name) and `page`.

    Args:
        more: filters of the apps above, like `SHOWS`.
    """
    shows = dict(SHOWS)
    for some in more:
        shows |= some
    show = request.GET.get("show", "all")
    show = show if show in shows else "all"
    words = request.GET.get("q", "").strip()
    people = Person.objects.filter(image__dataset=dataset).select_related("image").order_by("image__name", "number")
    if words:
        people = people.filter(image__name__icontains=words)
    page = Paginator(shows[show][1](people), PER_PAGE).get_page(request.GET.get("page"))
    return {
        "shows": [{"slug": slug, "title": title, "here": slug == show} for slug, (title, _) in shows.items()],
        "show": show, "q": words, "people_page": page,
        "drawings": [drawing(person, dataset.skeleton) for person in page],
    }
