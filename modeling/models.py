"""What is learnt from the labels."""

from django.db import models

from annotation.models import Person
from crowd.models import Campaign, Release
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
    curve = models.JSONField(default=list, editable=False, help_text="One entry per epoch.")
    figures = models.JSONField(default=dict, editable=False, help_text="Errors in mm before and after, and more.")

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


class Demonstration(Job):
    """The whole loop with simulated workers: published, answered over HTTP, paid, merged, released, learnt."""

    step = "modeling.demonstration.run"
    max_attempts = 1  # a second process would find the first one's campaign half answered

    workers = models.PositiveSmallIntegerField(default=40, help_text="Simulated people, some of whom do most of the work.")
    seed = models.PositiveIntegerField(default=1, help_text="The same seed gives the same figures.")
    dataset = models.ForeignKey("annotation.Dataset", models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, editable=False, related_name="demonstrations")
    figures = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"demonstration {self.pk}"
