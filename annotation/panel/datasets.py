"""A data set's page: how much there is, and a gallery of its people."""

from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef
from django.http import HttpRequest

from annotation.models import Dataset, Pair, Person, Vote
from annotation.panel.drawings import drawing

PER_PAGE = 48
SHOWS = {
    "all": "All people",
    "voted": "With votes",
    "unvoted": "Without votes",
    "truth": "With ground truth",
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


def gallery(dataset: Dataset, request: HttpRequest) -> dict:
    """One page of people, filtered as the address says: `show`, `q` (part of an image's name) and `page`."""
    show = request.GET.get("show", "all")
    show = show if show in SHOWS else "all"
    words = request.GET.get("q", "").strip()
    people = Person.objects.filter(image__dataset=dataset).select_related("image").order_by("image__name", "number")
    if words:
        people = people.filter(image__name__icontains=words)
    if show in ("voted", "unvoted"):
        has_votes = Exists(Vote.objects.filter(pair__person=OuterRef("pk")))
        people = people.filter(has_votes if show == "voted" else ~has_votes)
    elif show == "truth":
        people = people.filter(truth_mm__isnull=False)
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "shows": [{"slug": slug, "title": title, "here": slug == show} for slug, title in SHOWS.items()],
        "show": show, "q": words, "people_page": page,
        "drawings": [drawing(person, dataset.skeleton) for person in page],
    }
