"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from annotation import views as annotation_views
from config import health

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("panel/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("images/<str:sha256>", annotation_views.image, name="image"),
    path("marketplace/", include("crowd.marketplace.urls")),
    path("task/", include("crowd.urls")),
    path("", annotation_views.home, name="home"),
]
handler500 = "config.api.broken"
