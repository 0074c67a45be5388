"""Who holds a lease, and whether he can still be alive."""

import hashlib
import os
import platform
import secrets
from functools import cache
from pathlib import Path


@cache
def process_space() -> str:
    """Eight characters for everything within which process ids are unique: this boot of this machine or container."""
    parts = [platform.node()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text(),
        lambda: Path("/proc/self/ns/pid").readlink().name,
    ):
        try:
            parts.append(read())
        except OSError:  # not Linux: the name of the machine must do
            parts.append("")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def new_token() -> str:
    """A lease's token, at most 32 characters: where the holder runs, its process id, and 48 random bits or more."""
    return f"{process_space()}-{os.getpid()}-{secrets.token_hex(16)}"[:32]


def holder_is_dead(token: str) -> bool:
    """Whether the process that made the token is known to be gone; of another machine's process nothing is known."""
    space, _, rest = token.partition("-")
    number = rest.partition("-")[0]
    if space != process_space() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
