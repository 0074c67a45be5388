"""For worker processes under test: imports become jobs with the step that STEP_UNDER_TEST names."""

from config.settings import *  # noqa: F403

CELERY_IMPORTS = ["tests.jobs.steps"]
