"""A campaign that trains by itself: how often, and the rounds so far."""

from django import forms
from django.contrib import messages

from access.trail import noted
from crowd.models import Campaign
from modeling import repeating, training
from modeling.models import Cadence, Round

ROUNDS = 30


class CadenceForm(forms.ModelForm):
    class Meta:
        model = Cadence
        fields = ["every_votes", "promotes", "settings", "seed"]
        labels = {
            "every_votes": "Train anew after so many new votes", "promotes": "Promote what was learnt",
            "settings": "Settings of the lifter",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["settings"].required = self.fields["seed"].required = False
        self.fields["settings"].widget.attrs["rows"] = 3

    def clean_settings(self):
        try:
            return training.check_settings(self.cleaned_data["settings"] or {})
        except training.CannotTrain as error:
            raise forms.ValidationError(str(error)) from error


def save(request, form: CadenceForm, campaign: Campaign) -> None:
    """Take a valid form's word, and note it in the audit trail."""
    values = form.cleaned_data
    cadence = repeating.set_cadence(
        campaign, request.user, every_votes=values["every_votes"], promotes=values["promotes"],
        settings=values["settings"], seed=values["seed"] or 0,
    )
    noted(request.user, campaign, f"Trains by itself: {cadence}.")
    messages.success(request, f"“{campaign}” trains by itself: {cadence}.")


def of_campaign(campaign: Campaign) -> dict:
    """The rounds so far, and how many votes wait for the next."""
    cadence = Cadence.objects.filter(campaign=campaign).first()
    rounds = campaign.rounds.select_related("merge", "release", "run", "promotion").defer("run__curve", "run__log")
    rounds = list(rounds[:ROUNDS])
    waiting = None
    if not rounds or rounds[0].state != Round.State.RUNNING:
        waiting = repeating.new_votes(campaign, rounds[0].counted_until if rounds else None)
    return {"cadence": cadence, "rounds": [{"row": one, "stage": stage_of(one)} for one in rounds], "waiting": waiting}


def stage_of(row: Round) -> str:
    """What a round is doing, in words."""
    job = row.promotion or row.run or row.release or row.merge
    if row.state != Round.State.RUNNING or job is None or job.has_ended:
        return ""
    name = {"merge": "merging", "release": "writing the release", "run": "training", "promotion": "promoting"}
    return f"{name[job._meta.model_name]}, {job.progress:.0%}"
