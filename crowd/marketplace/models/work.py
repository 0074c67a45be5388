"""HITs and the assignments in which workers do them. The states carry Amazon's names."""

from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models.people import Requester, Worker


class HitType(models.Model):
    """What HITs have in common; the same values give the same type."""

    hit_type_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    requester = models.ForeignKey(Requester, models.CASCADE, related_name="hit_types")
    digest = models.CharField(max_length=64, help_text="SHA-256 of all that follows.")
    title = models.CharField(max_length=128)
    description = models.CharField(max_length=2000)
    keywords = models.CharField(max_length=1000, blank=True)
    reward_usd = models.DecimalField(max_digits=10, decimal_places=2)
    assignment_duration_s = models.PositiveBigIntegerField()
    auto_approval_delay_s = models.PositiveBigIntegerField()
    requirements = models.JSONField(default=list, help_text="QualificationRequirements as they were sent.")
    notification = models.JSONField(null=True, help_text="NotificationSpecification as it was sent.")
    notification_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["requester", "digest"], name="same_values_same_hit_type")]

    def __str__(self) -> str:
        return self.title


class HitQuerySet(QuerySet):
    def not_disposed(self) -> QuerySet:
        return self.exclude(status=Hit.Status.DISPOSED)

    def on_offer(self, now) -> QuerySet:
        return self.filter(status=Hit.Status.ASSIGNABLE, expires_at__gt=now, n_available__gt=0)


class Hit(models.Model):
    """A task offered to `max_assignments` different workers.

    `held_usd` is what it may still cost; `n_available` and `status` follow from the
    assignments and the clock, and are kept so that lists are quick (see `hits.settle`).
    `external_url` is empty where the question brings its own HTML.
    """

    class Status(models.TextChoices):
        ASSIGNABLE = "Assignable", "on offer"
        UNASSIGNABLE = "Unassignable", "being worked on"
        REVIEWABLE = "Reviewable", "to be reviewed"
        REVIEWING = "Reviewing", "under review"
        DISPOSED = "Disposed", "deleted"

    hit_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    requester = models.ForeignKey(Requester, models.CASCADE, related_name="hits")
    hit_type = models.ForeignKey(HitType, models.PROTECT, related_name="hits")
    question = models.TextField()
    external_url = models.TextField(help_text="Framed for the worker.")
    frame_height = models.PositiveIntegerField(help_text="In pixels; 0 fits the window.")
    annotation = models.CharField(max_length=255, blank=True)
    max_assignments = models.PositiveIntegerField()
    reward_usd = models.DecimalField(max_digits=10, decimal_places=2)
    fee_usd = models.DecimalField(max_digits=10, decimal_places=2, help_text="For one assignment.")
    held_usd = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    status = models.CharField(max_length=12, choices=Status, default=Status.ASSIGNABLE)
    n_available = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    is_expired = models.BooleanField(default=False, help_text="The clock has been seen past `expires_at`.")
    reviewable_at = models.DateTimeField(null=True)

    objects = HitQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["requester", "status"]),
            models.Index(fields=["is_expired", "expires_at"]),
            models.Index(fields=["hit_type", "status"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(n_available__lte=F("max_assignments")), name="no_more_offered_than_asked"),
            models.CheckConstraint(condition=Q(held_usd__gte=0), name="hit_holds_no_debt"),
        ]

    def __str__(self) -> str:
        return self.hit_id


class AssignmentQuerySet(QuerySet):
    def live(self) -> QuerySet:
        """Those that take one of the HIT's places."""
        return self.filter(state__in=Assignment.LIVE)

    def handed_in(self) -> QuerySet:
        return self.filter(state__in=Assignment.HANDED_IN)


class Assignment(models.Model):
    """One worker's go at one HIT, from acceptance on; never handed to another worker."""

    class State(models.TextChoices):
        ACCEPTED = "Accepted", "being worked on"
        SUBMITTED = "Submitted", "handed in"
        APPROVED = "Approved", "approved"
        REJECTED = "Rejected", "rejected"
        RETURNED = "Returned", "returned"
        ABANDONED = "Abandoned", "ran out of time"

    HANDED_IN = [State.SUBMITTED, State.APPROVED, State.REJECTED]
    LIVE = [State.ACCEPTED, *HANDED_IN]

    assignment_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    hit = models.ForeignKey(Hit, models.CASCADE, related_name="assignments")
    worker = models.ForeignKey(Worker, models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=9, choices=State, default=State.ACCEPTED)
    reward_usd = models.DecimalField(max_digits=10, decimal_places=2, help_text="As promised when it was accepted.")
    fee_usd = models.DecimalField(max_digits=10, decimal_places=2)
    accepted_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Returned or abandoned.")
    submitted_at = models.DateTimeField(null=True)
    auto_approve_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    approved_by_clock = models.BooleanField(default=False)
    answer = models.TextField(blank=True, help_text="QuestionFormAnswers.")
    feedback = models.CharField(max_length=1024, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["hit", "state"]),
            models.Index(fields=["worker", "state"]),
            models.Index(fields=["deadline"], condition=Q(state="Accepted"), name="running_by_deadline"),
            models.Index(fields=["auto_approve_at"], condition=Q(state="Submitted"), name="waiting_by_auto_approval"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["hit", "worker"], condition=Q(state__in=["Accepted", "Submitted", "Approved", "Rejected"]),
                name="a_hit_once_per_worker",
            )
        ]

    def __str__(self) -> str:
        return self.assignment_id

    @property
    def cost_usd(self):
        return self.reward_usd + self.fee_usd
