"""Addresses of the task page's script."""

from django.urls import path

from annotation import api

urlpatterns = [
    path("state", api.state, name="task-state"),
    path("consent", api.consent, name="task-consent"),
    path("answers/<int:number>", api.answer, name="task-answer"),
    path("tutorial/<int:attempt>/<int:position>", api.tutorial_answer, name="task-tutorial"),
    path("hand-in", api.hand_in, name="task-hand-in"),
]
