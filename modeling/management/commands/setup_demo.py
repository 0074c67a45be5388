"""`manage.py setup_demo`: what a newcomer finds on a fresh site."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from modeling import setting_up


class Command(BaseCommand):
    help = "Make a researcher's login, the marketplace's account, the mannequins and a first campaign, where they are missing."

    def handle(self, **options):
        login = setting_up.login()
        owner = get_user_model().objects.get(username=login.username)
        try:
            dataset = setting_up.mannequins(owner)
        except setting_up.CannotSetUp as error:
            raise CommandError(str(error)) from error
        setting_up.try_out(dataset, setting_up.marketplace())
        self.stdout.write(f"Researcher: /panel/ with user {login.username}, password {login.password}")
        self.stdout.write(f"Play worker: {setting_up.invitation()}")
