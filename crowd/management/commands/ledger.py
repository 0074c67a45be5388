"""Adds up the ledger against the accounts of the places themselves."""

import secrets
from decimal import Decimal, InvalidOperation

from django.core.management.base import BaseCommand, CommandError

from crowd import reconciling
from crowd.books import auditing
from crowd.models import Campaign, Environment
from crowd.ways.base import GatewayError

LINES = (
    ("opening", "opening_usd", 1), ("deposits", "deposits_usd", 1), ("rewards", "rewards_usd", -1),
    ("bonuses", "bonuses_usd", -1), ("fees", "fees_usd", -1),
)


class Command(BaseCommand):
    help = "Add up the ledger against the marketplace's own account; exit status 1 where they differ by a cent."

    def add_arguments(self, parser):
        parser.add_argument("environment", nargs="*", help="Names; all that hold money without one.")
        parser.add_argument("--collect", action="store_true", help="Ask for everything that was handed in first.")
        parser.add_argument("--deposit", metavar="USD", help="First note that so much was paid into the one account named.")
        parser.add_argument("--note", default="", help="What the deposit was.")
        parser.add_argument("--key", help="Of the deposit: the same key again adds no second line.")

    def handle(self, *args, **options):
        places = self._places(options["environment"])
        if options["deposit"]:
            self._deposit(places, options)
        differ = 0
        for place in places:
            try:
                if options["collect"]:
                    for campaign in Campaign.objects.filter(environment=place).exclude(state__in=["draft", "archived"]):
                        reconciling.reconcile(campaign)
                audit = auditing.audit(place)
            except auditing.NothingToAudit as error:
                self.stdout.write(str(error))
                continue
            except GatewayError as error:
                raise CommandError(f"{place}: {error}") from error
            self._print(place, audit)
            differ += not audit.agrees
        if differ:
            raise CommandError("The ledger and the account differ.")

    def _places(self, names: list[str]) -> list[Environment]:
        places = list(Environment.objects.filter(name__in=names) if names else Environment.objects.all())
        if missing := set(names) - {place.name for place in places}:
            known = ", ".join(Environment.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no environment called {', '.join(sorted(missing))}. There are: {known}.")
        return places

    def _deposit(self, places: list[Environment], options: dict) -> None:
        if len(places) != 1:
            raise CommandError("Name the one account that the deposit went to.")
        try:
            amount = Decimal(options["deposit"])
            auditing.deposit(places[0], amount, options["note"], None, key=options["key"] or secrets.token_hex(12))
        except (InvalidOperation, ValueError) as error:
            raise CommandError(f"'{options['deposit']}' is no amount in whole cents, like 50 or 12.50.") from error

    def _print(self, place: Environment, audit: auditing.Audit) -> None:
        self.stdout.write(f"{place}")
        for label, name, sign in LINES:
            self.stdout.write(f"  {label:<28}{sign * getattr(audit, name):>12.2f}")
        self.stdout.write(f"  {'by the ledger':<28}{audit.expected_usd:>12.2f}")
        self.stdout.write(f"  {'the account: free':<28}{audit.available_usd:>12.2f}")
        self.stdout.write(f"  {'the account: set aside':<28}{audit.held_usd:>12.2f}")
        self.stdout.write(f"  {'difference':<28}{audit.difference_usd:>12.2f}")
        if audit.n_waiting:
            self.stdout.write(f"  {audit.n_waiting} payments are not confirmed yet; a difference may be on its way.")
