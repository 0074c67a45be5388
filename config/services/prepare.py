"""What must be so before the site may start: tables up to date, static files gathered, demo data and a login there.

`python -m config.services.prepare` is safe to run again; it prints the login last.
"""

import os
import sys

import django
from django.core.management import CommandError, call_command, get_commands


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if "setup_demo" in get_commands():
        call_command("setup_demo")


if __name__ == "__main__":
    try:
        main()
    except CommandError as error:
        sys.exit(str(error))
