"""A token tells whether its holder has died on this machine."""

import os
import subprocess
import sys

from jobs import leases

MAKE_A_TOKEN = "from jobs import leases; print(leases.new_token())"


def token_of_a_dead_process() -> str:
    return subprocess.run([sys.executable, "-c", MAKE_A_TOKEN], capture_output=True, text=True, check=True).stdout.strip()


def test_a_token_is_new_every_time_and_fits_its_column():
    tokens = {leases.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert max(map(len, tokens)) <= 32


def test_a_living_holder_is_not_dead():
    assert not leases.holder_is_dead(leases.new_token())
    assert not leases.holder_is_dead(f"{leases.process_space()}-{os.getppid()}-0123456789ab")


def test_a_holder_that_has_ended_is_dead():
    assert leases.holder_is_dead(token_of_a_dead_process())


def test_of_another_machine_nothing_is_known():
    pid = token_of_a_dead_process().split("-")[1]
    assert not leases.holder_is_dead(f"ffffffff-{pid}-0123456789ab")
    assert not leases.holder_is_dead("")
    assert not leases.holder_is_dead("0123456789abcdef0123456789abcdef")
