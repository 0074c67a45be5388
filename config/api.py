"""The researcher's programming interface, `/api/v1/`; described at `/api/v1/schema/`, to be read at `/api/v1/docs/`."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.defaults import server_error
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from access import problems
from access.rest import TokenViewSet
from annotation.rest.data import AuditViewSet, ImageViewSet, PairViewSet, PersonViewSet
from annotation.rest.datasets import DatasetViewSet, ImportViewSet, SkeletonViewSet
from crowd.rest.campaigns import CampaignViewSet
from crowd.rest.environments import EnvironmentViewSet
from crowd.rest.merges import ConsensusViewSet, MergeViewSet, SkillViewSet, VoteViewSet
from crowd.rest.money import CallViewSet, LedgerViewSet, PublicationViewSet
from crowd.rest.releases import ReleaseViewSet, VoteImportViewSet
from crowd.rest.work import InvitationViewSet, WorkerViewSet, WorkViewSet
from modeling.rest.runs import CadenceViewSet, PromotionViewSet, RunViewSet
from modeling.rest.work import DemonstrationViewSet, OnnxExportViewSet, RoundViewSet


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    slash = "" if request.path.endswith("/") else " Addresses end in a slash."
    return problems.page(request, 404, f"There is no address {request.path} in the interface.{slash}")


def broken(request: HttpRequest) -> HttpResponse:
    """What is shown where an error was not expected: a page to people, a problem to programs."""
    return problems.page(request, 500) if request.path.startswith("/api/") else server_error(request)


description = SpectacularSwaggerSplitView.as_view(url_name="api-schema", template_name="api/docs.html")
router = DefaultRouter()
router.include_format_suffixes = False
router.register("datasets", DatasetViewSet)
router.register("imports", ImportViewSet)
router.register("skeletons", SkeletonViewSet)
router.register("images", ImageViewSet)
router.register("people", PersonViewSet)
router.register("pairs", PairViewSet)
router.register("environments", EnvironmentViewSet)
router.register("campaigns", CampaignViewSet)
router.register("publications", PublicationViewSet)
router.register("work", WorkViewSet, basename="work")
router.register("workers", WorkerViewSet)
router.register("invitations", InvitationViewSet)
router.register("ledger", LedgerViewSet, basename="ledger")
router.register("calls", CallViewSet)
router.register("votes", VoteViewSet)
router.register("merges", MergeViewSet)
router.register("consensus", ConsensusViewSet)
router.register("skills", SkillViewSet, basename="skill")
router.register("releases", ReleaseViewSet)
router.register("vote-imports", VoteImportViewSet)
router.register("runs", RunViewSet)
router.register("promotions", PromotionViewSet)
router.register("cadences", CadenceViewSet, basename="cadence")
router.register("rounds", RoundViewSet)
router.register("onnx-exports", OnnxExportViewSet)
router.register("demonstrations", DemonstrationViewSet)
router.register("tokens", TokenViewSet)
router.register("audit", AuditViewSet, basename="audit")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", login_required(description), name="api-docs"),
    path("", include(router.urls)),
    re_path(r"", nothing_here),
]
