"""Where workers arrive. The addresses of a HIT and of a campaign are secrets."""

from django.urls import include, path

from annotation import views as annotation_views
from crowd import hint_views
from crowd.visits import compensation_views, entry_views, invitation_views, views

urlpatterns = [
    path("api/", include("annotation.urls")),
    path("examples/<str:name>", annotation_views.example_image, name="example-image"),
    path("done/", entry_views.done, name="task-done"),
    path("invited/<str:token>/", invitation_views.invited, name="invited"),
    path("invited/<str:token>/task/", invitation_views.task, name="invited-task"),
    path("events/", hint_views.events, name="marketplace-events"),
    path("thanks/<str:token>/", compensation_views.compensation, name="compensation"),
    path("study/<str:token>/", entry_views.entry, name="entry"),
    path("<str:token>/", views.task, name="task"),
]
