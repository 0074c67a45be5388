"""What an administrator can do for a colleague who cannot log in."""

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from access import second_step, throttling


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
        "has_second_step": second_step.is_on(person), "codes_left": second_step.codes_left(person),
    })


def _let_in(person) -> str:
    throttling.let_in_again(person.get_username())
    return "Let in again: failed attempts are forgotten."


def _reset(person) -> str:
    second_step.switch_off(person)
    return "Two-step sign-in reset: the password alone logs in until it is switched on again."


ACTS = {"let_in": _let_in, "reset": _reset}
