"""What must be so before the site may start: tables up to date, static files gathered, demo data and a login there.

`python -m config.services.prepare` is safe to run again; it prints the login last.
"""

import hashlib
import os
import sys
from pathlib import Path

import django
from django.core.management import CommandError, call_command, get_commands


def gather_static_files() -> None:
    """Hash and compress static files, unless exactly these have been gathered before: it takes longer than all else."""
    from django.conf import settings
    from django.contrib.staticfiles import finders

    digest = hashlib.sha256(f"{settings.STORAGES['staticfiles']} {django.__version__}".encode())
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / "gathered"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest.hexdigest())


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    gather_static_files()
    if "setup_demo" in get_commands():
        call_command("setup_demo")


if __name__ == "__main__":
    try:
        main()
    except CommandError as error:
        sys.exit(str(error))
