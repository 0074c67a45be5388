"""Which run gives a data set's priors, since when and by whom; and ONNX files being made."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.urls import path

from access.sharing import Role
from annotation.models import Dataset
from annotation.panel.pages import JobAdmin, moment, state_badge
from annotation.rights import may
from modeling import promoting
from modeling.models import OnnxExport, Promotion


class OfRuns(JobAdmin):
    """Who may see runs may see these; they are started on other pages."""

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("modeling.view_run")

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def has_add_permission(self, request):
        return False


@admin.register(Promotion)
class PromotionAdmin(OfRuns):
    belongs_to = "dataset"
    page_template = "admin/modeling/promotion/page.html"
    list_title = "Promotions"
    list_display = ["dataset", "run", state_badge, "is_current", "anyway", "created_by", moment("created_at", "asked for")]
    list_select_related = ["dataset", "run", "created_by"]
    list_filter = ["is_current", "state"]

    def get_urls(self):
        view = self.admin_site.admin_view(self.withdraw_view)
        return [path("withdraw/<int:dataset_id>/", view, name="modeling_promotion_withdraw"), *super().get_urls()]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("dataset", "run", "created_by").defer("run__curve")

    def page(self, request, thing):
        return super().page(request, thing) | {
            "figures": thing.figures, "may_train": self.may_train(request, thing.dataset),
            "current": promoting.current(thing.dataset),
        }

    @staticmethod
    def may_train(request, dataset) -> bool:
        return request.user.has_perm("modeling.add_run") and may(request.user, dataset, "", Role.MANAGE)

    def withdraw_view(self, request, dataset_id):
        """From now on no run gives the data set's priors."""
        dataset = Dataset.objects.open_to(request.user).filter(pk=dataset_id).first()
        if dataset is None:
            raise Http404("There is no such data set.")
        if not self.may_train(request, dataset):
            raise PermissionDenied
        if request.method == "POST":
            try:
                job = promoting.start(None, dataset, request.user)
                self.log_addition(request, job, f"Withdrew the priors of {dataset}.")
                return redirect(self.url("change", job.pk))
            except promoting.CannotPromote as error:
                messages.error(request, str(error))
        return redirect("admin:annotation_dataset_change", dataset.pk)


@admin.register(OnnxExport)
class OnnxExportAdmin(OfRuns):
    belongs_to = "run__release__campaign"
    page_template = "admin/modeling/onnx_page.html"
    list_display = ["run", state_badge, "created_by", moment("created_at", "asked for")]
    list_select_related = ["run", "created_by"]
