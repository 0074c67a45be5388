"""Where the queue is, and what its transport needs."""

from pathlib import Path

from config import notes


def default_url(folder: Path) -> str:
    """Without REDIS_URL: the private queue of the site that runs from `folder`, whose address it has written down."""
    return notes.read(folder, "broker-url") or f"redis+socket://{folder / 'redis' / 'redis.sock'}"


def transport_options(url: str, folder: Path, prefix: str) -> dict:
    """Celery's transport options for a broker's URL.

    Redis: calls fail soon when it is down, what a killed worker had fetched is given out
    again, and `prefix` goes before every key, so that several sites may share a server.
    Files: where a machine has no Redis at all; slower, and a killed worker's message is
    lost (the sweeper of jobs sends another).
    """
    if url.startswith("filesystem:"):
        messages, control = folder / "queue" / "messages", folder / "queue" / "control"
        for each in (messages, control):
            each.mkdir(parents=True, exist_ok=True)
        return {
            "data_folder_in": str(messages), "data_folder_out": str(messages), "control_folder": str(control),
            "polling_interval": 0.1,
        }
    return {
        "visibility_timeout": 3600, "unacked_restore_interval": 5, "unacked_restore_throttle": 1,
        "socket_connect_timeout": 3, "socket_timeout": 10, "global_keyprefix": prefix,
        # Who wants to send waits for a queue that is down as little as possible: rows of jobs wait safely.
        "max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0,
    }
