"""What is learnt from the labels, and what is believed of pairs because of it."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models import Dataset, Pair, Person
from crowd.models import Campaign, Merge, Release
from jobs.models import Job


class Run(Job):
    """One training of the lifter on one release."""

    step = "modeling.training.run"
    queue = "training"
    lease_s = 600

    name = models.SlugField(max_length=60, unique=True)
    release = models.ForeignKey(Release, models.PROTECT, related_name="runs")
    settings = models.JSONField(default=dict, blank=True, help_text="What differs from the lifter's defaults.")
    seed = models.PositiveIntegerField(default=0)
    started_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="followers",
        help_text="A run whose weights this one starts from; the same skeleton and network. Empty: from nothing.",
    )
    note = models.CharField(max_length=200, blank=True, help_text="What it is to find out; shown where runs are compared.")
    n_labels = models.PositiveIntegerField(null=True, editable=False, help_text="Pairs in the release.")
    n_votes = models.PositiveIntegerField(null=True, editable=False, help_text="Votes behind them.")
    spent_usd = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, editable=False,
        help_text="What the campaign had paid, fees included, when these votes were merged.",
    )
    curve = models.JSONField(default=list, editable=False, help_text="One entry per epoch.")
    figures = models.JSONField(default=dict, editable=False, help_text="Errors in mm before and after, and more.")
    evaluation = models.JSONField(
        default=dict, editable=False, help_text="By the paper's protocols, on people kept out of training where there are any."
    )
    files = models.JSONField(default=dict, editable=False, help_text="Name: bytes and sha256.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> str:
        """Within the private storage."""
        return f"runs/{self.name}"


class Prediction(models.Model):
    """A person's 3D pose as one run sees it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="predictions")
    person = models.ForeignKey(Person, models.CASCADE, related_name="predictions")
    pose_mm = models.JSONField(help_text="[[x, y, z], ...], root at 0, x right, y down, z away, up to the scale assumed.")
    deviation_mm = models.JSONField(default=list, help_text="[K] standard deviation of each joint's depth about the root's.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "person"], name="one_prediction_per_run_and_person")]

    def __str__(self) -> str:
        return f"{self.person} by {self.run}"


class OnnxExport(Job):
    """A run written as an ONNX file, for whoever has no PyTorch."""

    step = "modeling.exporting.run"
    queue = "training"
    lease_s = 600

    run = models.ForeignKey(Run, models.CASCADE, related_name="onnx_exports")

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "ONNX export"
        constraints = [
            models.UniqueConstraint(
                fields=["run"], condition=Q(state__in=("waiting", "running", "cancelling")), name="one_onnx_export_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"ONNX file of {self.run}"


class Promotion(Job):
    """A run is chosen to give a data set's priors, or none is any more: an explicit act, kept for ever.

    The newest that is done is the current one. Priors and `is_current` change in one transaction.
    """

    step = "modeling.promoting.run"
    lease_s = 600

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="promotions")
    run = models.ForeignKey(
        Run, models.PROTECT, null=True, blank=True, related_name="promotions", help_text="Empty: no priors."
    )
    is_current = models.BooleanField(default=False, editable=False)
    anyway = models.BooleanField(default=False, help_text="Though its orders were no better than chance.")
    figures = models.JSONField(
        default=dict, editable=False, help_text="Pairs, parts of the cross-fitting, how right they were."
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["dataset"], condition=Q(is_current=True), name="one_promoted_run_per_dataset"),
            models.UniqueConstraint(
                fields=["dataset"], condition=Q(state__in=("waiting", "running", "cancelling")), name="one_promotion_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"promotion of {self.run}" if self.run_id else "withdrawal of priors"

    @property
    def queue(self) -> str:
        """Taking priors away need not wait behind a training."""
        return "training" if self.run_id else "default"


class Prior(models.Model):
    """A prior on its way to its pair; written in small portions, so that the switch of all of them is short."""

    promotion = models.ForeignKey(Promotion, models.CASCADE, related_name="priors")
    pair = models.ForeignKey(Pair, models.CASCADE, related_name="+")
    p_first = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["promotion", "pair"], name="one_prior_per_promotion_and_pair"),
            models.CheckConstraint(condition=Q(p_first__gt=0) & Q(p_first__lt=1), name="a_coming_prior_is_no_certainty"),
        ]

    def __str__(self) -> str:
        return f"{self.pair_id}: {self.p_first:.2f}"


class Cadence(models.Model):
    """How often a campaign's votes are merged, released and learnt from by themselves."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="cadence")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    every_votes = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Train anew after so many newly verified votes. Empty: never.",
    )
    promotes = models.BooleanField(
        default=True, help_text="The new run gives the data set's priors, unless it is no better than chance."
    )
    settings = models.JSONField(default=dict, blank=True, help_text="What differs from the lifter's defaults.")
    seed = models.PositiveIntegerField(default=0)
    set_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"every {self.every_votes:,} votes" if self.every_votes else "never"


class Round(models.Model):
    """One turn of the loop: a campaign's votes merged, released, learnt from and made priors; moved on by the clock."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rounds")
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    n_new_votes = models.PositiveIntegerField(help_text="Verified since the round before.")
    counted_until = models.DateTimeField(help_text="Votes verified later count for the next round.")
    merge = models.ForeignKey(Merge, models.SET_NULL, null=True, related_name="+")
    release = models.ForeignKey(Release, models.SET_NULL, null=True, related_name="+")
    run = models.ForeignKey(Run, models.SET_NULL, null=True, related_name="+")
    promotion = models.ForeignKey(Promotion, models.SET_NULL, null=True, related_name="+")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["campaign"], condition=Q(state="running"), name="one_round_at_a_time")
        ]

    def __str__(self) -> str:
        return f"round {self.pk} of {self.campaign}"


class Demonstration(Job):
    """The whole loop with simulated workers: published, answered over HTTP, paid, merged, released, learnt."""

    step = "modeling.demonstration.run"
    max_attempts = 1  # a second process would find the first one's campaign half answered
    lease_s = 1800  # merging and training may be done by this very process, which then reports nothing meanwhile

    workers = models.PositiveSmallIntegerField(default=40, help_text="Simulated people, some of whom do most of the work.")
    seed = models.PositiveIntegerField(default=1, help_text="The same seed gives the same figures.")
    dataset = models.ForeignKey("annotation.Dataset", models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, editable=False, related_name="demonstrations")
    figures = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"demonstration {self.pk}"
