"""The researcher's programming interface, `/api/v1/`; described at `/api/v1/schema/`, to be read at `/api/v1/docs/`."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from annotation.rest import DatasetViewSet, ImportViewSet, SkeletonViewSet
from crowd.campaign_rest import CampaignViewSet
from crowd.release_rest import ReleaseViewSet, VoteImportViewSet
from crowd.rest import MergeViewSet
from modeling.rest import CadenceViewSet, PromotionViewSet, RunViewSet

router = DefaultRouter()
router.register("datasets", DatasetViewSet)
router.register("imports", ImportViewSet)
router.register("skeletons", SkeletonViewSet)
router.register("campaigns", CampaignViewSet)
router.register("merges", MergeViewSet)
router.register("releases", ReleaseViewSet)
router.register("vote-imports", VoteImportViewSet)
router.register("runs", RunViewSet)
router.register("promotions", PromotionViewSet)
router.register("cadences", CadenceViewSet, basename="cadence")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema", template_name="api/docs.html"), name="api-docs"),
    path("", include(router.urls)),
]
