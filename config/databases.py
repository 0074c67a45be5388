"""A database URL becomes Django's settings for it, with what many small writes need."""

import environ


def database(url: str) -> dict:
    """Settings for one database.

    SQLite: WAL, so that readers and the writer do not wait for each other, and IMMEDIATE
    transactions, so that two writers queue for the busy timeout instead of failing
    half-way. Connections are kept on both, as making one costs more than a vote.
    """
    settings = environ.Env.db_url_config(url)
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-64000;",
        }
    else:
        settings["CONN_HEALTH_CHECKS"] = True
    settings["CONN_MAX_AGE"] = None
    return settings
