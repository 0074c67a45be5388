"""Whatever a researcher does in the panel has its place in the programming interface, or a reason why not."""

import json

from django.contrib import admin
from django.core.management import call_command
from django.test import RequestFactory

from annotation.panel.pages import PageAdmin
from crowd.panel import life_pages, ways_pages, worker_acts
from tests.factories import make_user

# Pages that are looked at alone, and forms whose address does what their page's other name says.
LOOKED_AT = {
    "annotation_import_settings", "annotation_person_settings", "crowd_publication_settings", "crowd_call_settings",
    "crowd_release_settings", "crowd_merge_settings", "crowd_voteimport_settings", "crowd_worker_settings",
    "crowd_assignment_settings", "modeling_promotion_settings", "modeling_onnxexport_settings", "modeling_run_settings",
    "modeling_demonstration_settings", "crowd_campaign_offer", "crowd_campaign_work", "review",
    "crowd_campaign_preview", "crowd_campaign_instructions", "crowd_campaign_question", "modeling_run_compare",
    "crowd_merge_analysis", "crowd_merge_difficulty", "crowd_campaign_lean",
}
BY_HAND = {
    "access_token_add": "who makes a token has logged in, with a second step where the site wants that",
    "auth_user_add": "administrators let people in", "auth_user_delete": "the same", "auth_user_signing_in": "the same",
    "auth_user_change": "the same", "auth_user_password_change": "the same",
    "auth_group_add": "the same", "auth_group_change": "the same", "auth_group_delete": "the same",
}
BY_PROGRAM = {
    "annotation_import_add": "post imports/", "annotation_import_preview": "post imports/",
    "annotation_import_repeat": "post imports/", "annotation_import_progress": "get imports/{id}/",
    "annotation_import_cancel": "post imports/{id}/cancel/", "annotation_import_resume": "post imports/{id}/resume/",
    "annotation_import_discard": "post imports/{id}/discard/", "annotation_dataset_settings": "patch datasets/{id}/",
    "annotation_dataset_delete": "delete datasets/{id}/", "annotation_dataset_pairs": "post datasets/{id}/further-pairs/",
    "annotation_dataset_sharing": "post datasets/{id}/shares/",
    "crowd_campaign_add": "post campaigns/", "crowd_campaign_settings": "patch campaigns/{id}/",
    "crowd_campaign_delete": "delete campaigns/{id}/", "crowd_campaign_price": "get campaigns/{id}/price/",
    "crowd_campaign_expect": "get campaigns/{id}/expected/", "crowd_campaign_live": "get campaigns/{id}/figures/",
    "crowd_campaign_votes": "get campaigns/{id}/figures/", "crowd_campaign_worth": "get campaigns/{id}/worth/",
    "crowd_campaign_launch": "post campaigns/{id}/launch/", "crowd_campaign_finish": "post campaigns/{id}/finish/",
    "crowd_campaign_merge": "post merges/", "crowd_campaign_collect": "post campaigns/{id}/collect/",
    "crowd_campaign_sharing": "post campaigns/{id}/shares/", "crowd_campaign_wages": "post campaigns/{id}/top_up/",
    "crowd_campaign_visits-csv": "get campaigns/{id}/finished/", "crowd_campaign_answers-csv": "get votes/",
    "crowd_campaign_change-offer:pause": "post campaigns/{id}/pause/",
    "crowd_campaign_change-offer:resume": "post campaigns/{id}/resume/",
    "crowd_campaign_change-offer:finish": "post campaigns/{id}/finish/",
    "crowd_campaign_change-offer:archive": "post campaigns/{id}/archive/",
    "crowd_campaign_change-offer:time": "post campaigns/{id}/extend/",
    "crowd_campaign_change-offer:votes": "post campaigns/{id}/more_votes/",
    "crowd_campaign_change-offer:budget": "post campaigns/{id}/budget/",
    "crowd_campaign_visits:confirm": "post work/{id}/confirm/", "crowd_campaign_visits:confirm-all": "post work/{id}/confirm/",
    "crowd_campaign_visits:confirm-listed": "post campaigns/{id}/confirm/",
    "crowd_campaign_visits:approve": "post work/{id}/approve/", "crowd_campaign_visits:reject": "post work/{id}/reject/",
    "crowd_campaign_visits:replace": "post campaigns/{id}/replace/",
    "crowd_campaign_invitations": "post invitations/", "crowd_campaign_invitations:revoke": "post invitations/{id}/revoke/",
    "crowd_campaign_invitations:renew": "post invitations/{id}/renew/",
    "crowd_campaign_invitations:forget": "post invitations/{id}/forget/",
    "crowd_campaign_invitations:send": "post invitations/{id}/send/",
    "crowd_campaign_invitations:known": "post campaigns/{id}/known_answers/",
    "crowd_publication_progress": "get publications/{id}/", "crowd_publication_cancel": "post publications/{id}/cancel/",
    "crowd_call_again": "post calls/{id}/again/",
    "crowd_merge_progress": "get merges/{id}/", "crowd_merge_cancel": "post merges/{id}/cancel/",
    "crowd_merge_release": "post releases/", "crowd_merge_review": "patch pairs/{id}/",
    "crowd_release_file": "get releases/{id}/files/{filename}/", "crowd_release_progress": "get releases/{id}/",
    "crowd_release_cancel": "post releases/{id}/cancel/", "crowd_release_archive": "get releases/{id}/archive/",
    "crowd_release_compare": "get releases/{id}/comparison/",
    "crowd_voteimport_add": "post vote-imports/", "crowd_voteimport_progress": "get vote-imports/{id}/",
    "crowd_voteimport_cancel": "post vote-imports/{id}/cancel/",
    "accounts": "post environments/{id}/deposits/", "crowd_environment_change": "patch environments/{id}/",
    "crowd_environment_add": "post environments/", "crowd_environment_delete": "delete environments/{id}/",
    "crowd_assignment_approve": "post work/{id}/approve/", "crowd_assignment_decide": "post work/{id}/reject/",
    "crowd_worker_approve:approve": "post work/{id}/approve/", "crowd_worker_bonus:bonus": "post work/{id}/bonus/",
    "crowd_worker_exclude:exclude": "post workers/{id}/exclude/",
    "crowd_worker_readmit:readmit": "post workers/{id}/readmit/", "crowd_worker_letter:letter": "post workers/{id}/message/",
    "crowd_worker_block:block": "post workers/{id}/block/", "crowd_worker_unblock:unblock": "post workers/{id}/unblock/",
    "modeling_promotion_withdraw": "post promotions/", "modeling_promotion_progress": "get promotions/{id}/",
    "modeling_promotion_cancel": "post promotions/{id}/cancel/",
    "modeling_onnxexport_progress": "get onnx-exports/{id}/", "modeling_onnxexport_cancel": "post onnx-exports/{id}/cancel/",
    "modeling_run_add": "post runs/", "modeling_run_train": "post runs/", "modeling_cadence": "put cadences/{id}/",
    "modeling_run_file": "get runs/{id}/files/{filename}/", "modeling_run_weights": "get runs/{id}/files/{filename}/",
    "modeling_run_progress": "get runs/{id}/curve/", "modeling_run_cancel": "post runs/{id}/cancel/",
    "modeling_run_promote": "post runs/{id}/promote/", "modeling_run_onnx": "post runs/{id}/onnx/",
    "modeling_demonstration_add": "post demonstrations/", "modeling_demonstration_progress": "get demonstrations/{id}/",
    "modeling_demonstration_cancel": "post demonstrations/{id}/cancel/",
}
ACTS = {
    "crowd_campaign_change-offer": life_pages.ACTS, "crowd_campaign_visits": ways_pages.VISIT_ACTS,
    "crowd_campaign_invitations": ways_pages.INVITATION_ACTS,
    **{f"crowd_worker_{name}": {name: None} for name in worker_acts.ACTS},
}
ACTS_BESIDE_THE_PAGE = {"crowd_campaign_invitations"}  # its form invites


def pages_of_the_panel(request) -> set[str]:
    """Names of its addresses, but for lists and what nobody may add, change or delete; the marketplace's are its own."""
    names = set()
    for model, page in admin.site._registry.items():
        if model._meta.app_label.startswith("marketplace"):
            continue
        kind = f"{model._meta.app_label}_{model._meta.model_name}"
        closed = {f"{kind}_changelist", f"{kind}_history"}
        closed |= {f"{kind}_add"} if not page.has_add_permission(request) else set()
        closed |= {f"{kind}_delete"} if not page.has_delete_permission(request) else set()
        closed |= {f"{kind}_change"} if isinstance(page, PageAdmin) or not page.has_change_permission(request) else set()
        names |= {url.name for url in page.urls if url.name} - closed
    return names


def test_every_act_of_the_panel_has_a_place_in_the_interface_or_a_reason(db, tmp_path):
    request = RequestFactory().get("/panel/")
    request.user = make_user(is_superuser=True)
    acts = set()
    for name in pages_of_the_panel(request) - LOOKED_AT:
        acts |= {f"{name}:{act}" for act in ACTS.get(name, ())}
        acts |= {name} if name not in ACTS or name in ACTS_BESIDE_THE_PAGE else set()
    assert acts == set(BY_PROGRAM) | set(BY_HAND)
    call_command("spectacular", format="openapi-json", file=str(tmp_path / "schema.json"))
    paths = json.loads((tmp_path / "schema.json").read_text())["paths"]
    there = {f"{method} {path.removeprefix('/api/v1/')}" for path, methods in paths.items() for method in methods}
    assert set(BY_PROGRAM.values()) <= there
