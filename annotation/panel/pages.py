"""Kinds of admin pages: an object with a page of its own, a fact, a job."""

from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timezone import localtime

from access.sharing import Role
from annotation import rights
from jobs import running


def moment(field: str, title: str):
    """A column that says when, short and in one line."""

    @admin.display(description=title, ordering=field)
    def column(row):
        when = getattr(row, field)
        if when is None:
            return None
        return format_html('<span class="nowrap">{}</span>', localtime(when).strftime("%-d %b %Y, %H:%M"))

    return column


@admin.display(description="state", ordering="state")
def state_badge(row):
    return format_html('<span class="badge {}">{}</span>', row.state, row.get_state_display())


class OwnedAdmin(admin.ModelAdmin):
    """Everybody sees and touches only what is theirs or shared with them; superusers everything.

    `belongs_to` is the query path from the model to the data set, campaign or person it belongs to ("": it is one); None
    where all staff share the rows.
    """

    belongs_to: str | None = None
    add_words = {}  # title, save_label and lead of the form that adds one
    list_title = ""  # where the models' own plural would not say it
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False  # counting a million votes to say "of a million" is not worth it

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows if self.belongs_to is None else rights.scoped(rows, self.belongs_to, request.user)

    def allows(self, request: HttpRequest, thing, role: Role) -> bool:
        """Whether the row is this user's, or shared under that role at least."""
        return self.belongs_to is None or rights.may(request.user, thing, self.belongs_to, role)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or self.allows(request, obj, Role.MANAGE))

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or self.allows(request, obj, Role.MANAGE))

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        """A choice of rows offers those only that one may go on with."""
        related = self.admin_site._registry.get(db_field.related_model)
        if "queryset" not in kwargs and isinstance(related, OwnedAdmin) and related.belongs_to is not None:
            rows = related.get_queryset(request)
            kwargs["queryset"] = rights.scoped(rows, related.belongs_to, request.user, Role.MANAGE)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        """Choices stand alone: other rows are made on pages of their own, not in windows that pop up."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"list_title": self.list_title} | (extra_context or {}))

    def render_change_form(self, request, context, add=False, **kwargs):
        context["adminform"].form.label_suffix = ""
        if add:
            context.update(self.add_words)
        return super().render_change_form(request, context, add=add, **kwargs)

    def url(self, name: str, *args) -> str:
        """Address of one of this model's pages: `changelist`, `change`, `settings`, ..."""
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def owned(self, request: HttpRequest, object_id: str):
        """The object, or None where it is not there or not open to this user."""
        thing = self.get_object(request, object_id)
        if thing is not None and not self.has_view_permission(request, thing):
            raise PermissionDenied
        return thing


class PageAdmin(OwnedAdmin):
    """An object has a page that shows it; the form that changes it lies beneath, at `settings/`."""

    page_template = ""

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<int:object_id>/settings/", self.admin_site.admin_view(self.settings_view), name=f"{name}_settings"),
            *(
                path(f"<int:object_id>/{route}/", self.admin_site.admin_view(self._of(view)), name=f"{name}_{route}")
                for route, view in self.pages().items()
            ),
            *super().get_urls(),
        ]

    def pages(self) -> dict:
        """Further pages under the object's: the end of their address, and their view `(request, object)`."""
        return {}

    def _of(self, view):
        """The view of an object as one of its number; 404 for what is not there or not this user's."""

        def respond(request: HttpRequest, object_id: int) -> HttpResponse:
            thing = self.owned(request, str(object_id))
            if thing is None:
                raise Http404(f"There is no such {self.opts.verbose_name}.")
            return view(request, thing)

        return respond

    def page(self, request: HttpRequest, thing) -> dict:
        """What the page's template reads."""
        return {}

    def change_view(self, request, object_id, form_url="", extra_context=None):
        thing = self.owned(request, object_id)
        if thing is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self.render(request, self.page_template, thing, **self.page(request, thing))

    def settings_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return super().change_view(request, str(object_id))

    def render(self, request: HttpRequest, template: str, thing, **context) -> TemplateResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, {
            **self.admin_site.each_context(request),
            "title": str(thing), "opts": self.opts, "object": thing, "original": thing,
            "can_change": self.has_change_permission(request, thing),
            **context,
        })

    def response_post_save_add(self, request, obj):
        return HttpResponseRedirect(self.url("change", obj.pk))

    response_post_save_change = response_post_save_add


class FactAdmin(OwnedAdmin):
    """What happened is looked at and never touched."""

    actions = None

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class JobAdmin(PageAdmin):
    """A job's page follows it live; started by its form or by another page, it can be stopped, not edited."""

    actions = None

    def pages(self):
        return {"progress": self.progress_view, "cancel": self.cancel_view}

    def settings_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """There is no form beneath a job's page."""
        return redirect(self.url("change", object_id))

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def response_add(self, request, obj, post_url_continue=None):
        return self.response_post_save_add(request, obj)  # its page says what a message would

    def page(self, request, thing) -> dict:
        return {"job": watch(self, thing)}

    def progress(self, job) -> dict:
        """What a page that watches the job draws anew every two seconds; `charts` by id, their rows."""
        return progress_of(job)

    def progress_view(self, request: HttpRequest, job) -> HttpResponse:
        return JsonResponse(self.progress(job))

    def cancel_view(self, request: HttpRequest, job) -> HttpResponse:
        if request.method == "POST":
            if not (request.user.is_superuser or job.created_by_id == request.user.pk):
                raise PermissionDenied
            running.cancel(job)
            self.log_change(request, job, "Stopped.")
            messages.info(request, f"{str(job).capitalize()} is being stopped.")
        return redirect(self.url("change", job.pk))


def progress_of(job) -> dict:
    """A job as JSON: `progress` 0 to 1, `ended` once nothing further will come."""
    return {
        "state": job.state, "state_label": job.get_state_display(), "progress": round(job.progress, 4),
        "stage": job.stage, "log": job.log, "error": job.error, "ended": job.has_ended,
        "duration_s": round(job.duration_s) if job.duration_s is not None else None,
        "shows": "",  # whatever changes here makes the page draw itself anew
    }


def watch(model_admin: JobAdmin, job) -> dict:
    """What `admin/includes/job.html` needs to show a job and to follow it."""
    return {
        "row": job, **model_admin.progress(job),
        "percent": round(100 * job.progress),
        "progress_url": model_admin.url("progress", job.pk),
        "cancel_url": model_admin.url("cancel", job.pk),
        "url": model_admin.url("change", job.pk),
    }


def watch_row(site: admin.AdminSite, job) -> dict | None:
    """The same for a job of any kind; None for no job."""
    return watch(site._registry[type(job)], job) if job is not None else None
