"""What an administrator can do for a colleague who cannot log in."""

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from access import throttling


def page(model_admin: admin.ModelAdmin, request: HttpRequest, person) -> HttpResponse:
    """How a colleague logs in, and what helps who cannot. `person` has been found among the users that are shown."""
    if not model_admin.has_change_permission(request, person):
        raise PermissionDenied
    if request.method == "POST":
        if (act := ACTS.get(request.POST.get("act", ""))) is not None:
            said = act(person)
            model_admin.log_change(request, person, said)
            messages.success(request, said)
        return redirect("admin:auth_user_signing_in", person.pk)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/auth/user/signing_in.html", {
        **model_admin.admin_site.each_context(request), "title": f"How {person} logs in", "person": person,
        "failures": throttling.failures(person.get_username()), "limit": settings.AXES_FAILURE_LIMIT,
    })


def _let_in(person) -> str:
    throttling.let_in_again(person.get_username())
    return "Let in again: failed attempts are forgotten."


ACTS = {"let_in": _let_in}
