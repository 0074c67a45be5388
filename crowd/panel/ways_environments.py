"""Places with people: where they are, which keys open them, and what a link's address looks like."""

from django import forms
from django.contrib import admin
from django.db import models
from django.utils.text import slugify

from annotation.panel.pages import OwnedAdmin
from crowd.models import Environment
from crowd.mturk.credentials import CredentialsMissing
from crowd.prolific import credentials
from crowd.prolific.client import API_URL, SITE_URL

Kind = Environment.Kind


class EnvironmentForm(forms.ModelForm):
    token = forms.CharField(
        label="New token for Prolific", required=False, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text="From Prolific's settings, under API tokens. It is kept in a file that only this server reads, "
        "not in the database, and not shown again. Empty: the one that is there stays.",
    )

    class Meta:
        model = Environment
        fields = ["name", "kind"]  # the page adds the others
        labels = {
            "kind": "Way to people", "endpoint_url": "Interface", "worker_url": "Site for workers",
            "requests_per_s": "Requests a second", "asks_requirements": "Ask for requirements on workers",
            "topic_arn": "SNS topic for events",
            "worker_parameter": "Parameter that names the person", "session_parameter": "Parameter that names the visit",
            "completion_url": "Where people go at the end",
        }

    def clean(self) -> dict:
        """What the kind needs; Prolific's own addresses where none are given."""
        given = super().clean()
        kind = given.get("kind")
        if kind == Kind.PROLIFIC:
            given["endpoint_url"] = given.get("endpoint_url") or API_URL
            given["worker_url"] = given.get("worker_url") or SITE_URL
            given["credentials"] = given.get("credentials") or f"prolific-{slugify(given.get('name', ''))}"[:64]
            if not given.get("token"):
                self._find_token(given["credentials"])
        elif kind == Kind.MTURK:
            for name in ("endpoint_url", "worker_url"):
                if not given.get(name):
                    self.add_error(name, "Mechanical Turk's protocol needs this address.")
        if self.instance.pk and "kind" in self.changed_data and self.instance.campaigns.exists():
            self.add_error("kind", "Campaigns run on it already: make another environment for another way.")
        if kind == Kind.LINK and given.get("worker_parameter") == given.get("session_parameter"):
            self.add_error("session_parameter", "Person and visit need a parameter each. Without visits leave this empty.")
        return given

    def _find_token(self, name: str) -> None:
        try:
            credentials.load(name)
        except CredentialsMissing as error:
            self.add_error("token", f"Give the token. {error}")

    def save(self, commit: bool = True) -> Environment:
        if self.cleaned_data.get("token") and self.cleaned_data.get("kind") == Kind.PROLIFIC:
            credentials.save(self.cleaned_data["credentials"], self.cleaned_data["token"])
        return super().save(commit)


@admin.register(Environment)
class EnvironmentAdmin(OwnedAdmin):
    form = EnvironmentForm
    list_display = ["name", "kind", "endpoint_url", "worker_url", "credentials"]
    list_filter = ["kind"]
    formfield_overrides = {
        models.URLField: {"widget": forms.URLInput(attrs={"class": "vTextField"}), "assume_scheme": "https"},
    }
    fieldsets = [
        (None, {"fields": ["name", "kind"]}),
        ("An account elsewhere", {
            "fields": ["endpoint_url", "worker_url", "credentials", "requests_per_s", "asks_requirements", "topic_arn"],
            "description": "For Mechanical Turk's protocol and for Prolific, whose own addresses are filled in if left empty. "
            "Links and invitations need nothing of this.",
        }),
        ("Prolific", {"fields": ["token", "workspace", "project"]}),
        ("A link", {
            "fields": ["worker_parameter", "session_parameter", "completion_url"],
            "description": "For platforms that send people to an address with their names in it: CloudResearch Connect, SONA, "
            "Besample, a mailing list of your own.",
        }),
    ]

    def get_form(self, request, obj=None, change=False, **kwargs):
        """The token is a field of the form alone, so Django must not look for it in the model."""
        kwargs["fields"] = [name for _, part in self.fieldsets for name in part["fields"] if name != "token"]
        return super().get_form(request, obj, change=change, **kwargs)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or not obj.campaigns.exists())
