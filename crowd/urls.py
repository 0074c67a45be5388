"""Where workers arrive. The address of a HIT is its secret."""

from django.urls import include, path

from annotation import views as annotation_views
from crowd import views

urlpatterns = [
    path("api/", include("annotation.urls")),
    path("examples/<str:name>", annotation_views.example_image, name="example-image"),
    path("<str:token>/", views.task, name="task"),
]
