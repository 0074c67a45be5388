"""manage.py marketplace: invitations, requesters' accounts, deposits, from a shell."""

from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from crowd.marketplace import accounts, clocks, money
from crowd.marketplace.models import AccessKey, Requester


class Command(BaseCommand):
    help = "Runs the marketplace: invite workers, open requesters' accounts, deposit money, advance the clocks."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        invite = actions.add_parser("invite", help="Print links with which new workers sign up, one for each person.")
        invite.add_argument("n", nargs="?", type=int, default=1, help="How many (1).")
        invite.add_argument(
            "--approved-before", type=int, default=0, metavar="N",
            help="A record that the workers bring along: N assignments approved elsewhere (0).",
        )
        requester = actions.add_parser("requester", help="Open an account, or show the keys of one; prints key id and secret.")
        requester.add_argument("name", help="As workers will see it.")
        requester.add_argument("--deposit", default="0", metavar="USD", help="Opening deposit, for a new account (0).")
        requester.add_argument("--new-key", action="store_true", help="Switch the old access keys off and issue a new one.")
        deposit = actions.add_parser("deposit", help="Put money into an account.")
        deposit.add_argument("name")
        deposit.add_argument("amount", metavar="USD")
        deposit.add_argument("--note", default="")
        actions.add_parser("balance", help="Show every account's balance.")
        actions.add_parser("tick", help="Do what is due: timeouts, expiry, automatic approval.")

    def handle(self, *, action: str, **options) -> None:
        getattr(self, f"_{action}")(**options)

    def _invite(self, *, n: int, approved_before: int, **options) -> None:
        if not 1 <= n <= 10_000 or approved_before < 0:
            raise CommandError("Invite 1 to 10000 people, with a record of 0 or more approved assignments.")
        for token in accounts.invite(n, approved_before=approved_before):
            self.stdout.write(f"{settings.MARKETPLACE_URL}/join/{token}/")

    def _requester(self, *, name: str, deposit: str, new_key: bool, **options) -> None:
        key, secret = accounts.ensure_requester(name, _usd(deposit))
        if new_key:
            account = Requester.objects.get(name=name)
            account.access_keys.update(is_active=False)
            issued = AccessKey.issue(account)
            key, secret = issued.access_key_id, issued.secret
        self.stdout.write(f"endpoint_url           {settings.MARKETPLACE_URL}/api")
        self.stdout.write(f"aws_access_key_id      {key}")
        self.stdout.write(f"aws_secret_access_key  {secret}")

    def _deposit(self, *, name: str, amount: str, note: str, **options) -> None:
        try:
            balance = accounts.deposit(name, _usd(amount), note)
        except Requester.DoesNotExist:
            raise CommandError(f"There is no requester {name!r}. `manage.py marketplace balance` lists them.") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{name}: ${balance.available_usd} available, ${balance.on_hold_usd} on hold")

    def _balance(self, **options) -> None:
        for requester in Requester.objects.all():
            balance = money.balance(requester)
            self.stdout.write(f"{requester.name}: ${balance.available_usd} available, ${balance.on_hold_usd} on hold")

    def _tick(self, **options) -> None:
        self.stdout.write(f"{clocks.sweep()} due")


def _usd(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount != amount.quantize(money.CENT):
        raise CommandError(f"{text!r} is no amount of money; write dollars and cents like 12.50.")
    return amount
