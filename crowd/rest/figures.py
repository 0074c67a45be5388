"""What programs may look at before and while a campaign runs: its price, what it will bring, how far it is, what is missing."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from access.problems import Conflict
from access.schema import refusal
from crowd import paying, publishing
from crowd.panel import campaigns, expectations, launching, worth
from crowd.ways import way_of
from crowd.ways.base import GatewayError


def usd(**options) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=12, decimal_places=2, **options)


def maybe(**options) -> serializers.FloatField:
    return serializers.FloatField(required=False, allow_null=True, default=None, **options)


class PriceSerializer(serializers.Serializer):
    n_pairs = serializers.IntegerField()
    n_hits = serializers.IntegerField()
    n_votes = serializers.IntegerField()
    reward_usd = usd()
    fee_usd = usd()
    total_usd = usd()


class ExpectationSerializer(serializers.Serializer):
    """What a simulated crowd makes of a draft's settings."""

    right = serializers.FloatField(help_text="Share of labels that will be right.")
    far = serializers.FloatField(help_text="The same of pairs that lie well apart.")
    is_lean = serializers.BooleanField()
    votes_per_pair = serializers.FloatField(help_text="That will be bought, on average.")
    usd = usd(help_text="That will probably be spent.")
    task_s = serializers.FloatField()
    time = serializers.CharField(help_text="In words.")
    time_basis = serializers.CharField(help_text="Whose pace it is by.")
    too_long = serializers.BooleanField(help_text="Longer than it is on offer.")


class CheckSerializer(serializers.Serializer):
    what = serializers.CharField()
    state = serializers.ChoiceField(["good", "warn", "bad"], help_text="bad: it cannot be launched so.")
    words = serializers.CharField()


class WageSerializer(serializers.Serializer):
    worker = serializers.IntegerField(source="worker.pk")
    pseudonym = serializers.CharField(source="worker.annotator.pseudonym")
    n_tasks = serializers.IntegerField()
    seconds = serializers.FloatField(help_text="Of active work.")
    paid_usd = usd()
    hourly_usd = usd()
    owed_usd = usd(help_text="To the campaign's floor.")


class TalliesSerializer(serializers.Serializer):
    """Tasks and money, as they are now."""

    tasks = serializers.IntegerField(source="n_assignments", help_text="Offered, or planned.")
    at_work = serializers.IntegerField()
    handed_in = serializers.IntegerField()
    to_review = serializers.IntegerField()
    approved = serializers.IntegerField()
    spent_usd, fees_usd = usd(), usd(help_text="Of it.")
    expires_at = serializers.DateTimeField(allow_null=True)


class HourSerializer(serializers.Serializer):
    """What the reward is worth an hour."""

    forecast_usd = usd()
    measured_usd = usd(allow_null=True, help_text="Median of what was handed in lately.")
    measured_s = maybe(help_text="For one task.")


class SaidSerializer(serializers.Serializer):
    """What the votes say of themselves before any merge, verified or not."""

    votes = serializers.IntegerField()
    undone = serializers.IntegerField(help_text="Answers that somebody took back.")
    pairs = serializers.IntegerField(default=0)
    workers = serializers.IntegerField(default=0)
    agreement = maybe(help_text="Share of equal answers among all two votes on one pair.")
    green = maybe(help_text="Share of answers that fell on the green mark; 0.5 without a habit.")
    left = maybe(help_text="On the left mark.")
    chance_band = maybe(help_text="How far from 0.5 chance alone gets in 95 of 100 campaigns.")
    median_s = maybe(help_text="Of an answer.")


class GoldSerializer(serializers.Serializer):
    answers = serializers.IntegerField()
    right = serializers.FloatField()


class FiguresSerializer(serializers.Serializer):
    progress = TalliesSerializer()
    wage = HourSerializer()
    votes = SaidSerializer()
    known_answers = GoldSerializer(allow_null=True, help_text="Null: none was asked.")


class BuysSerializer(serializers.Serializer):
    """Two more votes on the third of the pairs where votes change most."""

    votes = serializers.IntegerField()
    usd = usd()
    labels = serializers.FloatField(help_text="That become right.")
    per_dollar = serializers.FloatField()


class WorthSerializer(serializers.Serializer):
    """What the labels are worth by now, and what is missing to the target."""

    merge = serializers.IntegerField(allow_null=True, help_text="Played from it; null before any, from crowds in general.")
    n_votes = serializers.IntegerField(help_text="That count, on the pairs that were looked at: a thousand at most.")
    right = serializers.FloatField(help_text="Share of labels that are right.")
    n_right = serializers.IntegerField()
    n_pairs = serializers.IntegerField()
    sure = serializers.FloatField(help_text="Share at the target risk.")
    settled = serializers.FloatField(help_text="Share that more votes would not change.")
    left = serializers.IntegerField(help_text="Votes that are missing.")
    low = serializers.IntegerField()
    high = serializers.IntegerField()
    usd = usd(allow_null=True, help_text="For them; null where the way cannot say.")
    time = serializers.CharField(help_text="In words.")
    buys = BuysSerializer(allow_null=True)


class CampaignLooks:
    """Questions about one campaign, for its view set."""

    @extend_schema(responses=PriceSerializer)
    @action(detail=True)
    def price(self, request, pk: str) -> Response:
        """What all votes would cost, fees included."""
        return Response(PriceSerializer(publishing.price(self.get_object())).data)

    @extend_schema(responses=ExpectationSerializer)
    @action(detail=True)
    def expected(self, request, pk: str) -> Response:
        """What it will bring, by a play of its settings: labels that are right, dollars, and how long it takes."""
        campaign = self.get_object()
        return Response(ExpectationSerializer(expectations.expected(campaign, publishing.price(campaign))).data)

    @extend_schema(responses=CheckSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def checks(self, request, pk: str) -> Response:
        """What is looked at before a launch: settings, credentials, balance, https, images, wage, known answers."""
        campaign, balance, silence = self.get_object(), None, ""
        try:
            balance = way_of(campaign.environment).balance()
        except GatewayError as error:
            silence = str(error)
        found = launching.checks(campaign, publishing.price(campaign), balance, silence)
        return Response(CheckSerializer(found, many=True).data)

    @extend_schema(responses=FiguresSerializer)
    @action(detail=True)
    def figures(self, request, pk: str) -> Response:
        """How far it is, what it has cost and paid, and how the votes look before any merge."""
        campaign = self.get_object()
        found = {
            "progress": campaigns.progress(campaign), "wage": campaigns.wage(campaign),
            "votes": campaigns.vote_figures(campaign), "known_answers": campaigns.gold_figures(campaign),
        }
        return Response(FiguresSerializer(found).data)

    @extend_schema(responses={200: WorthSerializer, **refusal(409)})
    @action(detail=True)
    def worth(self, request, pk: str) -> Response:
        """How many labels are right, what is missing to the target risk, and what a dollar would buy, merged or not."""
        found = worth.section(self.get_object())
        if found is None:
            raise Conflict("There is nothing to measure: its data set has no pairs.")
        return Response(WorthSerializer(found).data)

    @extend_schema(responses=WageSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def wages(self, request, pk: str) -> Response:
        """What everybody earned an hour, the worst paid first, and what is owed to the floor."""
        return Response(WageSerializer(paying.wages(self.get_object()), many=True).data)
