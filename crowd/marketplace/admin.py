"""The marketplace in the panel: everything to be looked at, nothing to be changed but a person's access."""

from django.contrib import admin

from crowd.marketplace import models


class ReadOnly(admin.ModelAdmin):
    """An account that could be edited would be no account."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(models.Requester)
class RequesterAdmin(ReadOnly):
    list_display = ["name", "user", "available", "on_hold", "created_at"]
    search_fields = ["name"]

    @admin.display(description="available")
    def available(self, requester: models.Requester) -> str:
        last = requester.entries.last()
        return f"${last.available_usd}" if last else "$0.00"

    @admin.display(description="on hold")
    def on_hold(self, requester: models.Requester) -> str:
        last = requester.entries.last()
        return f"${last.on_hold_usd}" if last else "$0.00"


@admin.register(models.AccessKey)
class AccessKeyAdmin(ReadOnly):
    list_display = ["access_key_id", "requester", "is_active", "created_at"]
    exclude = ["secret_encrypted"]


@admin.register(models.Entry)
class EntryAdmin(ReadOnly):
    list_display = ["number", "requester", "kind", "amount_usd", "available_usd", "on_hold_usd", "hit", "worker", "created_at"]
    list_filter = ["kind", "requester"]
    list_select_related = ["requester", "hit", "worker"]
    ordering = ["-pk"]
    date_hierarchy = "created_at"


@admin.register(models.Bonus)
class BonusAdmin(ReadOnly):
    list_display = ["worker", "amount_usd", "fee_usd", "reason", "granted_at"]
    list_select_related = ["worker"]


@admin.register(models.HitType)
class HitTypeAdmin(ReadOnly):
    list_display = ["title", "requester", "reward_usd", "assignment_duration_s", "created_at"]
    search_fields = ["title", "hit_type_id"]
    list_filter = ["requester"]


@admin.register(models.Hit)
class HitAdmin(ReadOnly):
    list_display = ["hit_id", "hit_type", "status", "n_available", "max_assignments", "held_usd", "expires_at"]
    list_filter = ["status", "requester"]
    list_select_related = ["hit_type"]
    search_fields = ["hit_id", "annotation"]
    ordering = ["-pk"]


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnly):
    list_display = ["assignment_id", "hit", "worker", "state", "reward_usd", "accepted_at", "submitted_at"]
    list_filter = ["state", "hit__requester"]
    list_select_related = ["hit", "worker"]
    search_fields = ["assignment_id", "worker__worker_id", "hit__hit_id"]
    ordering = ["-pk"]


@admin.register(models.Worker)
class WorkerAdmin(ReadOnly):
    """A worker can be shut out here (`is_active`), nothing more."""

    list_display = ["worker_id", "username", "country", "is_active", "created_at"]
    list_filter = ["is_active", "country"]
    search_fields = ["worker_id", "username"]
    exclude = ["password"]

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return [field.name for field in models.Worker._meta.fields if field.name not in ("is_active", "password")]

    def has_change_permission(self, request, obj=None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["created_at", "used_at", "worker", "approved_before"]
    list_select_related = ["worker"]
    exclude = ["token"]


@admin.register(models.WorkerBlock)
class WorkerBlockAdmin(ReadOnly):
    list_display = ["requester", "worker", "reason", "created_at"]
    list_select_related = ["requester", "worker"]


@admin.register(models.QualificationType)
class QualificationTypeAdmin(ReadOnly):
    list_display = ["name", "requester", "status", "auto_granted", "created_at", "deleted_at"]


@admin.register(models.Qualification)
class QualificationAdmin(ReadOnly):
    list_display = ["type", "worker", "value", "status", "granted_at"]
    list_filter = ["status", "type"]
    list_select_related = ["type", "worker"]


@admin.register(models.QualificationRequest)
class QualificationRequestAdmin(ReadOnly):
    list_display = ["type", "worker", "state", "submitted_at"]
    list_filter = ["state"]
    list_select_related = ["type", "worker"]


@admin.register(models.Message)
class MessageAdmin(ReadOnly):
    list_display = ["subject", "worker", "requester", "sent_at", "read_at"]
    list_select_related = ["worker", "requester"]


@admin.register(models.Notification)
class NotificationAdmin(ReadOnly):
    list_display = ["event_type", "hit_type", "transport", "destination", "created_at"]
    list_filter = ["event_type"]
    list_select_related = ["hit_type"]
