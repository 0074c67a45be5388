"""More pairs for a data set: a strategy is chosen, how many it would add is said, and then they are added."""

from functools import partial

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from annotation import more_pairs
from annotation.models import Dataset, Pair


class PairsForm(forms.Form):
    strategy = forms.ChoiceField(
        choices=lambda: [(slug, strategy.words.capitalize()) for slug, strategy in more_pairs.STRATEGIES.items()],
        widget=forms.RadioSelect, initial="random", label="Which pairs",
    )
    count = forms.IntegerField(min_value=1, max_value=1000, initial=5, label="For each person, where it says “so many”")
    most = forms.IntegerField(
        min_value=1, max_value=more_pairs.MOST_AT_ONCE, initial=10_000, label="In all at most; where some tell more, those",
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=1, label="Seed")


def pages(admin) -> dict:
    return {"pairs": partial(pairs, admin)}


def pairs(admin, request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """GET with a strategy previews it; POST adds what was previewed."""
    if not admin.has_change_permission(request, dataset):
        raise PermissionDenied
    said = request.POST if request.method == "POST" else request.GET
    form = PairsForm(said if "strategy" in said else None)
    preview = None
    if form.is_valid():
        try:
            if request.method == "POST":
                n = more_pairs.add(dataset, **form.cleaned_data)
                admin.log_change(request, dataset, f"Added {n} pairs: {form.cleaned_data['strategy']}.")
                messages.success(request, f"{n:,} pairs are added. A new campaign asks about all pairs of the data set.")
                return redirect(admin.url("change", dataset.pk))
            preview = more_pairs.preview(dataset, **form.cleaned_data)
        except ValueError as error:
            form.add_error("strategy", str(error))
    there = Pair.objects.of_dataset(dataset).values_list("strategy").annotate(n=Count("pk")).order_by("-n")
    return admin.render(
        request, "admin/annotation/dataset/pairs.html", dataset, title=f"Pairs of {dataset}", form=form, preview=preview,
        there=[(strategy, n) for strategy, n in there],
    )
