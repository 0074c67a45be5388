"""Settings, data and sessions of a Turkle 3.1 to be measured beside Nearer; runs in Turkle's own virtual environment.

    python turkle_site.py FOLDER TASKS WORKERS   makes the database, prints {"batch", "cookies"} as JSON

As settings: DJANGO_SETTINGS_MODULE=turkle_site, TURKLE_FOLDER=FOLDER; the server is `turkle_urls:application`.
"""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("TURKLE_FOLDER") or sys.argv[1])
SECRET_KEY = "measured on one machine only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "turkle", "djaa_list_filter2", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize",
    "guardian", "rest_framework",
]  # fmt: skip
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "turkle_urls"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "turkle.sqlite3"), "OPTIONS": {"timeout": 20}}
}
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "guardian.backends.ObjectPermissionBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
STATIC_URL = "/static/"
USE_TZ = True
LOGGING = {"version": 1, "disable_existing_loggers": True}
TURKLE_SITE_NAME, TURKLE_AUTO_ACCEPT_DEFAULT, TURKLE_EMAIL_ENABLED, TURKLE_CSV_BATCH_LIMIT = "Turkle", True, False, None

def make(n_tasks: int, n_workers: int) -> dict:
    """A published batch of tasks, one comparison each, and one session for each worker."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from turkle.models import Batch, Project, Task

    call_command("migrate", verbosity=0)
    form = (
        "<p>Which is closer?</p><label><input type='radio' name='closer' value='first'>${first}</label>"
        "<label><input type='radio' name='closer' value='second'>${second}</label><input type='submit'>"
    )
    project = Project.objects.create(
        name="pairs", html_template=form, html_template_has_submit_button=True, assignments_per_task=1
    )
    batch = Batch.objects.create(name="pairs", project=project, assignments_per_task=1, published=True, active=True)
    fields = {"first": "left wrist", "second": "right ankle"}
    Task.objects.bulk_create([Task(batch=batch, input_csv_fields=fields) for _ in range(n_tasks)], batch_size=500)
    cookies = []
    for number in range(n_workers):
        user = User.objects.create_user(f"worker{number}")
        session = SessionStore()
        session.update({
            "_auth_user_id": str(user.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
            "_auth_user_hash": user.get_session_auth_hash(), "auto_accept_status": True,
        })
        session.save()
        cookies.append(session.session_key)
    return {"batch": batch.pk, "cookies": cookies}


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"], os.environ["TURKLE_FOLDER"] = "turkle_site", str(FOLDER)
    sys.path.insert(0, str(Path(__file__).parent))
    print(json.dumps(make(int(sys.argv[2]), int(sys.argv[3]))))
