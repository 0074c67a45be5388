"""Signing up, in and out; a worker's own data."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from crowd.marketplace import accounts, sessions
from crowd.marketplace.errors import Refused
from crowd.marketplace.forms import JoinForm, PasswordForm, SignInForm
from crowd.marketplace.models import Invitation, Worker
from crowd.marketplace.qualifications import Standing
from crowd.marketplace.views.showing import in_english, show


@sensitive_post_parameters("password")
@never_cache
@in_english
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str = "") -> HttpResponse:
    """Sign up, with an invitation or where sign-up is open to all."""
    invitation = get_object_or_404(Invitation, token=token) if token else None
    if (invitation and invitation.used_at) or (not invitation and not sessions.open_signup()):
        return render(request, "marketplace/invitation_only.html", {"invitation": invitation}, status=403)
    form = JoinForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            worker = _sign_up(form, token)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        sessions.sign_in(request, worker)
        messages.success(request, f"Welcome! Your worker id is {worker.worker_id}.")
        return redirect("marketplace:hits")
    return render(request, "marketplace/join.html", {"form": form}, status=400 if form.errors else 200)


@transaction.atomic
def _sign_up(form: JoinForm, token: str) -> Worker:
    invitation = Invitation.objects.select_for_update(no_key=True).filter(token=token).first() if token else None
    if invitation and invitation.used_at:
        raise Refused("This invitation has been used a moment ago.")
    worker = form.save(commit=False)
    if invitation:
        worker.approved_before = invitation.approved_before
    worker.save()
    if invitation:
        invitation.used_at, invitation.worker = timezone.now(), worker
        invitation.save()
    return worker


@sensitive_post_parameters("password")
@never_cache
@in_english
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", request.GET.get("next", ""))
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = ""
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            worker = sessions.check(**form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            sessions.sign_in(request, worker)
            return redirect(back or "marketplace:hits")
    context = {"form": form, "next": back, "open_signup": sessions.open_signup()}
    return render(request, "marketplace/sign_in.html", context, status=400 if form.errors else 200)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    return redirect("marketplace:sign-in")


@sensitive_post_parameters("old", "new")
@sessions.for_workers
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Worker id, standing, and a new password."""
    form = PasswordForm(worker, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        worker.set_password(form.cleaned_data["new"])
        worker.save(update_fields=["password"])
        sessions.sign_in(request, worker)
        messages.success(request, "Your password is changed.")
        return redirect("marketplace:account")
    return show(request, worker, "account.html", {"form": form, "standing": Standing(worker)}, 400 if form.errors else 200)


@require_POST
@sessions.for_workers
def close_account(request: HttpRequest, worker: Worker) -> HttpResponse:
    accounts.close(worker)
    sessions.sign_out(request)
    messages.success(request, "Your account is closed and your name forgotten. Thank you for your work.")
    return redirect("marketplace:sign-in")
