"""The panel's pages for logging in: password, then a code where that is switched on; and where it is switched on."""

import time

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django_otp import login as note_device

from access import second_step

PENDING, TOLD_ONCE = "password_was_right_for", "recovery_codes"
PENDING_S = 600  # so long somebody may look for the phone


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code", max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )


class PasswordForm(forms.Form):
    password = forms.CharField(label="Your password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


class LogIn(LoginView):
    """Who has a second step switched on is asked for a code before anything else is open to him."""

    def form_valid(self, form) -> HttpResponse:
        user = form.get_user()
        if not second_step.is_on(user):
            return super().form_valid(form)
        self.request.session[PENDING] = [user.pk, user.backend, user.get_session_auth_hash(), int(time.time())]
        self.request.session["next"] = self.get_success_url()
        return redirect("admin:second_step")


def urls(site: admin.AdminSite) -> list:
    return [
        path("login/code/", never_cache(lambda request: _code(site, request)), name="second_step"),
        path("two-step/", site.admin_view(lambda request: _own(site, request)), name="two_step"),
    ]


# --- Logging in -------------------------------------------------------------------------------------


def _waiting(request: HttpRequest):
    """Whose password was right a moment ago; None for nobody."""
    pk, backend, session_hash, at = request.session.get(PENDING, (None, "", "", 0))
    if pk is None or time.time() - at > PENDING_S:
        return None
    user = get_user_model().objects.filter(pk=pk, is_active=True, is_staff=True).first()
    if user is None or user.get_session_auth_hash() != session_hash:
        return None
    user.backend = backend
    return user


def _code(site: admin.AdminSite, request: HttpRequest) -> HttpResponse:
    user = _waiting(request)
    if user is None:
        return redirect("admin:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device = second_step.check(user, form.cleaned_data["code"])
        except second_step.WrongCode as error:
            form.add_error("code", str(error))
        else:
            target = request.session.pop("next", "")
            del request.session[PENDING]
            login(request, user)
            note_device(request, device)
            if isinstance(device, second_step.StaticDevice):
                left = second_step.codes_left(user)
                messages.warning(request, f"That recovery code is used up; {left} are left. Two-step sign-in has new ones.")
            if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
                target = reverse("admin:index")
            return HttpResponseRedirect(target)
    return _render(site, request, "admin/second_step.html", "One more step", form=form)


# --- One's own second step ---------------------------------------------------------------------------


def _own(site: admin.AdminSite, request: HttpRequest) -> HttpResponse:
    """Switch it on, get new recovery codes, switch it off."""
    form = None
    if request.method == "POST":
        form, done = ACTS.get(request.POST.get("act", ""), _on)(request)
        if done:
            return redirect("admin:two_step")
    is_on = second_step.is_on(request.user)
    context = {"is_on": is_on, "codes": request.session.pop(TOLD_ONCE, None)}
    if is_on:
        context |= {"left": second_step.codes_left(request.user), "form": form or PasswordForm()}
    else:
        device = second_step.begun(request.user)
        context |= {
            "form": form or CodeForm(), "picture": second_step.picture(device), "key": second_step.key(device),
        }
        context["form"].fields["code"].widget.attrs.pop("autofocus", None)  # the picture comes first
    return _render(site, request, "admin/two_step.html", "Two-step sign-in", **context)


def _on(request: HttpRequest) -> tuple[forms.Form, bool]:
    form = CodeForm(request.POST)
    if second_step.is_on(request.user):
        return PasswordForm(), True
    if not form.is_valid():
        return form, False
    try:
        device, codes = second_step.switch_on(request.user, form.cleaned_data["code"])
    except second_step.WrongCode as error:
        form.add_error("code", str(error))
        return form, False
    note_device(request, device)
    request.session[TOLD_ONCE] = codes
    _written_down(request, "Switched on two-step sign-in.")
    messages.success(request, "Two-step sign-in is on. Keep the recovery codes below: they are not shown again.")
    return form, True


def _off(request: HttpRequest) -> tuple[forms.Form, bool]:
    form = _with_password(request)
    if form.errors:
        return form, False
    second_step.switch_off(request.user)
    _written_down(request, "Switched off two-step sign-in.")
    messages.success(request, "Two-step sign-in is off; the password alone logs you in.")
    return form, True


def _codes(request: HttpRequest) -> tuple[forms.Form, bool]:
    form = _with_password(request)
    if form.errors or not second_step.is_on(request.user):
        return form, not form.errors
    request.session[TOLD_ONCE] = second_step.new_codes(request.user)
    _written_down(request, "Made new recovery codes.")
    messages.success(request, "These are your new recovery codes; the old ones open nothing any more.")
    return form, True


def _with_password(request: HttpRequest) -> PasswordForm:
    """A password is asked for again, and counted like one at the door."""
    form = PasswordForm(request.POST)
    if form.is_valid():
        name, password = request.user.get_username(), form.cleaned_data["password"]
        if authenticate(request, username=name, password=password) is None:
            form.add_error("password", "This is not your password.")
    return form


ACTS = {"on": _on, "off": _off, "codes": _codes}


def _written_down(request: HttpRequest, words: str) -> None:
    LogEntry.objects.log_actions(request.user.pk, [request.user], CHANGE, words, single_object=True)


def _render(site: admin.AdminSite, request: HttpRequest, template: str, title: str, **context) -> TemplateResponse:
    request.current_app = site.name
    context = {**site.each_context(request), "title": title, **context}
    if "form" in context:
        context["form"].label_suffix = ""
    answer = TemplateResponse(request, template, context)
    answer["Cache-Control"] = "no-store"  # keys and codes
    return answer
