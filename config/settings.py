"""All settings, read from the environment once.

With no variable set, Nearer runs on embedded defaults: SQLite in WAL mode, a
private broker, files on disk, the marketplace that ships with it. Each variable
replaces one default; nothing elsewhere in the code asks which is in use.
"""

import contextlib
import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.management.utils import get_random_secret_key

from config import broker, notes
from config.databases import database

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(env("ENV_FILE", default=str(BASE_DIR / ".env")))

VAR_DIR = Path(env("NEARER_VAR", default=str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- Who may talk to this server ---------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
PUBLIC_URL = env("PUBLIC_URL", default=notes.read(VAR_DIR, "site-url") or "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", urlsplit(PUBLIC_URL).hostname])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
BEHIND_HTTPS = PUBLIC_URL.startswith("https://")


def _secret_key() -> str:
    """The key from the environment, or one made on first start and kept beside the data."""
    if key := env("SECRET_KEY", default=""):
        return key
    file = VAR_DIR / "secret-key"
    if not file.exists():
        new = VAR_DIR / f"secret-key-{os.getpid()}"
        new.touch(mode=0o600)
        new.write_text(get_random_secret_key())
        with contextlib.suppress(FileExistsError):
            os.link(new, file)  # whole or not at all, and once, however many processes start together
        new.unlink()
    return file.read_text()


SECRET_KEY = _secret_key()

# --- What Nearer consists of ---------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "access",
    "jobs",
    "annotation",
    "crowd",
    "crowd.marketplace",
    "modeling",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "access.sessions.LoggedInForAWhile",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",  # last: puts its own page in the place of the form
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Where the data live -----------------------------------------------------------------

DATABASES = {"default": database(env("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'nearer.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MEDIA_ROOT = VAR_DIR / "media"
S3_BUCKET = env("AWS_STORAGE_BUCKET_NAME", default="")
STORAGES = {
    "default": (
        {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": S3_BUCKET}}
        if S3_BUCKET
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "private": (
        {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": S3_BUCKET, "location": "private"}}
        if S3_BUCKET
        else {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "private"}}
    ),
    "staticfiles": {"BACKEND": "config.storage.StaticStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- What an import may reach --------------------------------------------------------------

# Folders that the panel and the programming interface may read; a shell's commands read whatever the server may.
IMPORT_ROOTS = [*env.list("IMPORT_ROOTS", default=[str(VAR_DIR / "imports")]), str(BASE_DIR / "annotation" / "demo")]
IMPORT_S3_BUCKETS = env.list("IMPORT_S3_BUCKETS", default=[])  # bucket, or bucket/prefix, read with this server's keys
IMPORT_PRIVATE_NETWORKS = [ip_network(text) for text in env.list("IMPORT_PRIVATE_NETWORKS", default=[])]
IMPORT_LARGEST_BYTES = env.int("IMPORT_LARGEST_BYTES", default=20_000_000_000)  # of annotations, or unpacked
IMPORT_UPLOAD_BYTES = env.int("IMPORT_UPLOAD_BYTES", default=4_000_000_000)

# --- The queue ------------------------------------------------------------------------------

REDIS_URL = env("REDIS_URL", default=broker.default_url(VAR_DIR))
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(REDIS_URL, VAR_DIR, env("QUEUE_PREFIX", default=""))
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True  # the outcome of a job is its row
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # jobs are long: none should wait behind another while a process is free
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    # Every entry expires before the next one, so that a stopped worker wakes up to no backlog.
    "take up waiting and orphaned jobs": {
        "task": "jobs.tasks.sweep", "schedule": 10.0, "options": {"expires": 9},
    },
    "collect, verify and pay": {
        "task": "crowd.tasks.reconcile_all",
        "schedule": env.float("RECONCILE_EVERY_S", default=20.0),
        "options": {"expires": 15},
    },
    "resume what was left of calls elsewhere": {
        "task": "crowd.tasks.sweep_outbox", "schedule": 10.0, "options": {"expires": 9},
    },
    "campaigns that train by themselves": {
        "task": "modeling.tasks.tick", "schedule": env.float("TRAIN_CHECK_EVERY_S", default=20.0), "options": {"expires": 15},
    },
    "forget sessions and keys that are over": {
        "task": "access.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3500},
    },
    "the marketplace's clocks": {
        "task": "crowd.marketplace.tasks.tick", "schedule": 15.0, "options": {"expires": 14},
    },
}

# --- People -----------------------------------------------------------------------------------

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesBackend", "django.contrib.auth.backends.ModelBackend"]
# Who guesses waits: counted for name and address together, so that nobody can lock out a colleague from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURES", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOGIN_WAIT_MINUTES", default=15))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the wait that was said is the wait
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "access.visitors.address"
AXES_LOCKOUT_CALLABLE = "access.throttling.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

TWO_STEP_TO_SPEND = env.bool("TWO_STEP_TO_SPEND", default=False)  # whether spending asks for a second step at the door
OTP_TOTP_ISSUER = "Nearer"

# Researchers spend money: they are logged out after a day's work, and earlier when nothing is done.
SESSION_HOURS = env.int("SESSION_HOURS", default=12)
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=120)
SESSION_COOKIE_AGE = 14 * 24 * 3600  # of the marketplace's workers; access.sessions ends a researcher's earlier
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Where task pages may be framed, and where they may hand in to. Amazon's two, and our own.
MARKETPLACE_URL = env("MARKETPLACE_URL", default=f"{PUBLIC_URL}/marketplace")
MARKETPLACE_OPEN_SIGNUP = env.bool("MARKETPLACE_OPEN_SIGNUP", default=False)
TASK_FRAME_ANCESTORS = env.list(
    "TASK_FRAME_ANCESTORS",
    default=["'self'", "/".join(MARKETPLACE_URL.split("/")[:3]), "https://*.mturk.com"],
)
TASK_SUBMIT_ORIGINS = env.list(
    "TASK_SUBMIT_ORIGINS",
    default=[MARKETPLACE_URL, "https://www.mturk.com", "https://workersandbox.mturk.com"],
)

# --- Words and times ----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = True

# --- Mail: invitations, passwords -----------------------------------------------------------------

SENDS_EMAIL = bool(env("EMAIL_URL", default=""))
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default=f"nearer@{urlsplit(PUBLIC_URL).hostname}")

# --- The programmer's interface ------------------------------------------------------------------

# What is told once, a new token among it, waits in the session and never in a cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["access.authentication.UserThrottle", "access.authentication.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env("API_RATE_USER", default="1200/min"),
        "token": env("API_RATE_TOKEN", default="600/min"),
    },
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["access.parsing.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "access.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_PAGINATION_CLASS": "access.filtering.Pages",
    "DEFAULT_FILTER_BACKENDS": ["access.filtering.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "access.schema.Schema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nearer",
    "DESCRIPTION": "What a researcher's programs may do; the same rights as in the panel.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums", "access.schema.let_choices_overlap",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"JobState": "jobs.models.Job.State", "CampaignState": "crowd.models.Campaign.State"},
}

# --- What is written down -------------------------------------------------------------------------

LOG_LEVEL = env("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
