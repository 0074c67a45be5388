"""Forms of the worker pages."""

from django import forms
from django.contrib.auth.password_validation import validate_password

from crowd.marketplace.countries import COUNTRIES
from crowd.marketplace.models import Worker

NEW_PASSWORD = {"autocomplete": "new-password"}


class JoinForm(forms.ModelForm):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs=NEW_PASSWORD), min_length=8, help_text="At least 8 characters."
    )
    country = forms.ChoiceField(
        choices=[("", "Choose…"), *COUNTRIES], label="Country you live in",
        help_text="Some HITs are for certain countries only.",
    )
    field_order = ["username", "password", "country", "adult_content"]

    class Meta:
        model = Worker
        fields = ["username", "country", "adult_content"]
        labels = {"username": "Name for signing in", "adult_content": "I am over 18 and agree to see adult content"}
        help_texts = {
            "username": "Small letters, digits, dots and hyphens. Requesters never see it; they see a worker id.",
            "adult_content": "",
        }
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})}

    def clean_username(self) -> str:
        return self.cleaned_data["username"].strip()

    def clean_password(self) -> str:
        validate_password(self.cleaned_data["password"])
        return self.cleaned_data["password"]

    def save(self, commit: bool = True) -> Worker:
        worker = super().save(commit=False)
        worker.set_password(self.cleaned_data["password"])
        if commit:
            worker.save()
        return worker


class SignInForm(forms.Form):
    username = forms.CharField(
        label="Name", max_length=40, widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})
    )
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), max_length=200)


class PasswordForm(forms.Form):
    old = forms.CharField(
        label="Password now", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), max_length=200
    )
    new = forms.CharField(
        label="New password", widget=forms.PasswordInput(attrs=NEW_PASSWORD), min_length=8, max_length=200,
        help_text="At least 8 characters.",
    )

    def __init__(self, worker: Worker, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.worker = worker

    def clean_old(self) -> str:
        if not self.worker.check_password(self.cleaned_data["old"]):
            raise forms.ValidationError("This is not your password.")
        return self.cleaned_data["old"]

    def clean_new(self) -> str:
        validate_password(self.cleaned_data["new"])
        return self.cleaned_data["new"]
