"""Addresses under /marketplace/."""

from django.urls import path

from crowd.marketplace.views import api, html_question, people, records, work

app_name = "marketplace"
urlpatterns = [
    # For requesters' programs
    path("api", api.api, name="api"),
    path("api/", api.api),
    # For task pages
    path("mturk/externalSubmit", work.external_submit, name="external-submit"),
    # For workers
    path("", work.hits, name="hits"),
    path("hits.json", work.hits_json, name="hits-json"),
    path("groups/<slug:hit_type_id>/preview/", work.preview_group, name="preview-group"),
    path("groups/<slug:hit_type_id>/accept/", work.accept_group, name="accept-group"),
    path("hits/<slug:hit_id>/preview/", work.preview, name="preview"),
    path("hits/<slug:hit_id>/page/", html_question.html_question, name="html-question"),
    path("hits/<slug:hit_id>/accept/", work.accept, name="accept"),
    path("hits/<slug:hit_id>/work/", work.work, name="work"),
    path("hits/<slug:hit_id>/state/", work.state, name="state"),
    path("hits/<slug:hit_id>/return/", work.give_back, name="return"),
    path("hits/<slug:hit_id>/done/", work.done, name="done"),
    path("mine/", records.mine, name="mine"),
    path("earnings/", records.earnings, name="earnings"),
    path("messages/", records.inbox, name="messages"),
    path("qualifications/", records.qualifications, name="qualifications"),
    path(
        "qualifications/<slug:qualification_type_id>/request/", records.ask_for_qualification, name="ask-for-qualification"
    ),
    path("account/", people.account, name="account"),
    path("account/close/", people.close_account, name="close-account"),
    path("join/", people.join, name="join"),
    path("join/<slug:token>/", people.join, name="join-invited"),
    path("signin/", people.sign_in, name="sign-in"),
    path("signout/", people.sign_out, name="sign-out"),
]
