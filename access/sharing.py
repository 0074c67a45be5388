"""What somebody lets a colleague do with a data set or a campaign: a role, each including those before it."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Role(models.IntegerChoices):
    VIEW = 1, "look"
    REVIEW = 2, "also answer doubtful pairs"
    MANAGE = 3, "also change, merge, release and train"
    SPEND = 4, "also launch and spend"


class Share(models.Model):
    """One colleague's role; the owner has all of them without a row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.PositiveSmallIntegerField(choices=Role)
    shared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    shared_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
