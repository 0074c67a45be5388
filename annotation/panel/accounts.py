"""People who may log in, and their roles."""

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.html import format_html, format_html_join
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from annotation.panel import roles, signing_in
from annotation.panel.pages import moment


class RoleField(forms.ModelMultipleChoiceField):
    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, group: Group) -> str:
        return f"{group.name}: {roles.ROLES[group.name]}" if group.name in roles.ROLES else group.name


class UserForm(UserChangeForm):
    groups = RoleField(
        queryset=Group.objects.order_by("pk"), required=False, label="Roles",
        help_text="An administrator needs none: he may do everything, with everybody's data.",
    )


class UserAdmin(DjangoUserAdmin):
    """Roles as boxes to tick instead of a hundred single permissions; single ones can still be given to groups."""

    form = UserForm
    show_facets = admin.ShowFacets.NEVER
    actions = None
    list_display = ["username", "first_name", "last_name", "roles", "is_superuser", moment("last_login", "last seen")]
    list_filter = ["is_superuser", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Who", {"fields": ["first_name", "last_name", "email"]}),
        ("What this person may do", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("When", {"fields": ["last_login", "date_joined"]}),
    ]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    def has_delete_permission(self, request, obj=None):
        """Nobody who has acted is deleted, or the audit trail would go with him; who leaves is no longer active."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.logentry_set.exists())

    def get_urls(self):
        view = self.admin_site.admin_view(self.signing_in_view)
        return [path("<int:object_id>/signing-in/", view, name="auth_user_signing_in"), *super().get_urls()]

    def signing_in_view(self, request, object_id):
        return signing_in.page(self, request, get_object_or_404(self.get_queryset(request), pk=object_id))

    @admin.display(description="roles")
    def roles(self, user):
        return format_html_join(", ", "{}", ((group.name,) for group in user.groups.all())) or None

    def get_form(self, request, obj=None, change=False, **kwargs):
        roles.ensure()
        form = super().get_form(request, obj, change=change, **kwargs)
        if "is_staff" in form.base_fields:
            form.base_fields["is_staff"].label = "May open the panel"
            form.base_fields["is_superuser"].label = "Administrator"
        return form

    def render_change_form(self, request, context, **kwargs):
        context["adminform"].form.label_suffix = ""
        return super().render_change_form(request, context, **kwargs)


class GroupAdmin(DjangoGroupAdmin):
    """Roles and what they may do, as boxes to tick."""

    actions = None
    filter_horizontal = []
    list_display = ["name", "meaning"]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"list_title": "Roles"} | (extra_context or {}))

    @admin.display(description="may")
    def meaning(self, group):
        return format_html("{}", roles.ROLES.get(group.name, "as set"))

    def get_queryset(self, request):
        roles.ensure()
        return super().get_queryset(request)

    def formfield_for_manytomany(self, db_field, request=None, **kwargs):
        field = super().formfield_for_manytomany(db_field, request=request, **kwargs)
        field.widget = forms.CheckboxSelectMultiple(choices=field.choices)
        field.queryset = field.queryset.filter(content_type__app_label__in=roles.APPS)
        return field


def register(site: admin.AdminSite) -> None:
    """Take the place of Django's own pages for users and groups; keys of second steps have none at all."""
    site.unregister([get_user_model(), Group, TOTPDevice, StaticDevice])
    site.register(get_user_model(), UserAdmin)
    site.register(Group, GroupAdmin)
