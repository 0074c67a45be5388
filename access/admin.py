"""Tokens in the panel: made and revoked by their owner; a secret is shown once."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.utils import timezone

from access import spending
from access.models import Scope, Token

LONGEST = timedelta(days=366)


class TokenForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ],
        help_text="Never more than you may do yourself.",
    )
    days = forms.IntegerField(min_value=1, max_value=LONGEST.days, initial=90, label="Valid for (days)")

    obstacle = ""  # why its maker may not spend now

    class Meta:
        model = Token
        fields = ["name", "scopes"]

    def clean_scopes(self):
        scopes = self.cleaned_data["scopes"]
        if Scope.SPEND in scopes and self.obstacle:
            raise forms.ValidationError(self.obstacle)
        return scopes


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):
    form = TokenForm
    fields = ["name", "scopes", "days"]
    list_display = ["name", "owner", "may", "created_at", "expires_at", "state"]
    list_display_links = None
    list_select_related = ["owner"]
    actions = ["revoke"]

    def get_queryset(self, request):
        return super().get_queryset(request).owned_by(request.user)

    def has_module_permission(self, request) -> bool:
        return request.user.is_staff

    def has_view_permission(self, request, obj=None) -> bool:
        return request.user.is_staff and (obj is None or request.user.is_superuser or obj.owner_id == request.user.pk)

    def has_add_permission(self, request) -> bool:
        return request.user.is_staff

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.obstacle = spending.obstacle(request)
        return form

    @admin.display(description="scopes")
    def may(self, token) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="state")
    def state(self, token) -> str:
        return token.state(timezone.now())

    def save_model(self, request, obj, form, change) -> None:
        obj.owner = request.user
        obj.two_step = request.user.otp_device is not None
        obj.expires_at = timezone.now() + timedelta(days=form.cleaned_data["days"])
        secret = obj.renew_secret()
        super().save_model(request, obj, form, change)
        messages.warning(request, f"Copy the token now, it is not shown again: {secret}")

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request, tokens) -> None:
        for token in tokens:
            token.revoke(timezone.now())
            self.log_change(request, token, "Revoked.")
        messages.success(request, "Revoked: nobody comes in with them any more.")
