"""The researcher's panel is Django's admin site under Nearer's name, with pages of its own.

An app knows only the apps below it, yet a person's page shows what the apps above have
made of that person. So a page asks the site for *contributions*: functions that any
app's `admin.py` has put under the page's name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

Contribution = Callable[[HttpRequest, Any], Any]


class Attention(NamedTuple):
    """Something that a person should see to, and the page where it is put right."""

    title: str
    detail: str
    url: str
    action: str
    tone: str = "warning"  # or "danger"


class Act(NamedTuple):
    """What could sensibly be done next; the one furthest along the way of the data is offered first."""

    stage: int
    title: str
    detail: str
    url: str
    action: str


@dataclass
class Overview:
    """What one app puts on the home page."""

    attention: list[Attention] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    sections: list[dict] = field(default_factory=list)  # each: title, template, what the template reads


NAVIGATION = (
    ("", (("Overview", "index"),)),
    (
        "The way of the data",
        (
            ("Data sets", "annotation_dataset_changelist"),
            ("Campaigns", "crowd_campaign_changelist"),
            ("Review", "review"),
            ("Merges", "crowd_merge_changelist"),
            ("Releases", "crowd_release_changelist"),
            ("Training runs", "modeling_run_changelist"),
        ),
    ),
    (
        "Money",
        (
            ("Ledger", "crowd_payment_changelist"),
            ("Accounts", "accounts"),
        ),
    ),
    (
        "People",
        (
            ("Workers", "crowd_worker_changelist"),
            ("Users", "auth_user_changelist"),
            ("Roles", "auth_group_changelist"),
            ("Access tokens", "access_token_changelist"),
            ("Audit trail", "admin_logentry_changelist"),
        ),
    ),
    (
        "Records",
        (
            ("Demonstrations", "modeling_demonstration_changelist"),
            ("Promotions", "modeling_promotion_changelist"),
            ("Imports", "annotation_import_changelist"),
            ("Votes from elsewhere", "crowd_voteimport_changelist"),
            ("Votes", "annotation_vote_changelist"),
            ("HITs", "crowd_hit_changelist"),
            ("Assignments", "crowd_assignment_changelist"),
            ("Calls", "crowd_call_changelist"),
            ("Skeletons", "annotation_skeleton_changelist"),
            ("Environments", "crowd_environment_changelist"),
        ),
    ),
)

NEEDED = {"review": "crowd_merge", "accounts": "crowd_payment"}  # the model that a page without a list of its own is about


class PanelSite(admin.AdminSite):
    site_header = "Nearer"
    site_title = "Nearer"
    index_title = "Overview"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._contributions: dict[str, list[Contribution]] = {}

    def contributes(self, page: str) -> Callable[[Contribution], Contribution]:
        """Decorate a function `(request, what the page shows)` whose result the page will ask for."""

        def keep(function: Contribution) -> Contribution:
            self._contributions.setdefault(page, []).append(function)
            return function

        return keep

    def contributions(self, page: str, request: HttpRequest, shown: Any = None) -> list[Any]:
        """What the apps have to say on this page, lower apps first; silence (None) is left out."""
        said = (function(request, shown) for function in self._contributions.get(page, ()))
        return [one for one in said if one is not None]

    def get_urls(self) -> list:
        from access import logging_in  # reads models, which are not there yet when the site is made

        return [*logging_in.urls(self), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Django's page, and then a code for those who have a second step switched on."""
        from django.contrib.admin.forms import AdminAuthenticationForm

        from access.logging_in import LogIn

        if request.method == "GET" and self.has_permission(request):
            return redirect(f"{self.name}:index")
        context = {**self.each_context(request), "title": "Log in", "username": request.user.get_username()}
        if REDIRECT_FIELD_NAME not in request.GET | request.POST:
            context[REDIRECT_FIELD_NAME] = reverse(f"{self.name}:index")
        request.current_app = self.name
        return LogIn.as_view(
            extra_context=context | (extra_context or {}), authentication_form=AdminAuthenticationForm,
            template_name="admin/login.html",
        )(request)

    def each_context(self, request: HttpRequest) -> dict:
        return super().each_context(request) | {"navigation": self._navigation(request)}

    def _navigation(self, request: HttpRequest) -> list[dict]:
        """The menu, with those entries only that exist and that this user may open."""
        allowed = set() if not self.has_permission(request) else self._viewable(request)
        menu, nearest = [], ""  # the longest address that the page lies under
        for title, entries in NAVIGATION:
            shown = []
            for label, name in entries:
                model = NEEDED.get(name, name.removesuffix("_changelist"))
                if model != name and model not in allowed:
                    continue
                try:
                    url = reverse(f"{self.name}:{name}")
                except NoReverseMatch:
                    continue
                here = request.path == url or (name != "index" and request.path.startswith(url))
                if here and len(url) > len(nearest):
                    nearest = url
                shown.append({"label": label, "url": url})
            if shown:
                menu.append({"title": title, "entries": shown})
        for entry in (entry for part in menu for entry in part["entries"]):
            entry["here"] = entry["url"] == nearest
        return menu

    def _viewable(self, request: HttpRequest) -> set[str]:
        """Names, `app_model`, of the models that this user may see."""
        return {
            f"{model._meta.app_label}_{model._meta.model_name}"
            for model, model_admin in self._registry.items()
            if model_admin.has_view_permission(request)
        }

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict | None = None) -> HttpResponse:
        """Apps are no places that a researcher thinks of; the menu has what is in them."""
        return redirect(f"{self.name}:index")

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Home: what needs attention, what to do next, and what there is."""
        parts: list[Overview] = self.contributions("home", request)
        context = {
            "attention": [one for part in parts for one in part.attention],
            "acts": sorted((act for part in parts for act in part.acts), key=lambda act: -act.stage)[:3],
            "sections": [section for part in parts for section in part.sections],
        }
        return super().index(request, context | (extra_context or {}))
