"""Whom a data set or a campaign is shared with: added, changed and taken back on a page of its own, by its owner."""

from functools import partial

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from access.sharing import Role


def colleagues(thing):
    """Whom it can be shared with; administrators see everything anyway."""
    people = get_user_model().objects.filter(is_active=True, is_staff=True, is_superuser=False)
    return people.exclude(pk=thing.owner_id)


class ShareForm(forms.Form):
    colleague = forms.ModelChoiceField(queryset=None, empty_label="Choose somebody")
    role = forms.TypedChoiceField(choices=Role.choices, coerce=int, initial=Role.VIEW, label="May")

    def __init__(self, *args, thing, **options):
        super().__init__(*args, label_suffix="", **options)
        with_it = thing.shares.values("user")
        self.fields["colleague"].queryset = colleagues(thing).exclude(pk__in=with_it).order_by("username")


def pages(admin) -> dict:
    """A further page of an object: the end of its address, and its view `(request, object)`."""
    return {"sharing": partial(sharing, admin)}


def may_share(request: HttpRequest, thing) -> bool:
    return request.user.is_superuser or thing.owner_id == request.user.pk


def sharing(admin, request: HttpRequest, thing) -> HttpResponse:
    """Everybody it is shared with, and a form for one more."""
    if not may_share(request, thing):
        raise PermissionDenied("Only its owner and administrators share it with others.")
    form = ShareForm(request.POST if request.POST.get("act") == "add" else None, thing=thing)
    if request.method == "POST":
        done = _add(request, thing, form) if form.is_bound else _change(request, thing)
        if done:
            admin.log_change(request, thing, done)
            messages.success(request, done)
        if done or not form.is_bound:
            return redirect(request.path)
    return admin.render(
        request, "admin/sharing.html", thing, title=f"Sharing {thing}", form=form, roles=Role.choices,
        list_title=admin.list_title,
        shares=list(thing.shares.select_related("user", "shared_by")), anybody=form.fields["colleague"].queryset.exists(),
    )


def _add(request: HttpRequest, thing, form: ShareForm) -> str:
    if not form.is_valid():
        return ""
    share = thing.shares.create(user=form.cleaned_data["colleague"], role=form.cleaned_data["role"], shared_by=request.user)
    return f"Shared with {share.user}, who may {share.get_role_display()}."


def _change(request: HttpRequest, thing) -> str:
    """Another role, or none any more."""
    number, role = request.POST.get("share", ""), request.POST.get("role", "")
    share = thing.shares.select_related("user").filter(pk=number).first() if number.isdecimal() else None
    if share is None:
        messages.error(request, "It is not shared with that person any more.")
        return ""
    if request.POST.get("act") == "remove":
        share.delete()
        return f"No longer shared with {share.user}."
    if role not in map(str, Role.values):
        messages.error(request, "There is no such role.")
        return ""
    share.role, share.shared_by = int(role), request.user
    share.save(update_fields=["role", "shared_by"])
    return f"{share.user} may now {share.get_role_display()}."
