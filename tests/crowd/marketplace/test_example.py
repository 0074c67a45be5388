"""The program in docs/examples runs as it stands, without Nearer."""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from crowd.marketplace import accounts
from tests.crowd.marketplace.makers import submit

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "marketplace_with_boto3.py"


def take_the_survey(client, *, within_s: float = 30) -> None:
    """Waits for a HIT, reads its page as the frame would, and hands in."""
    end = time.monotonic() + within_s
    while not (hits := client.get("/marketplace/hits.json").json()["hits"]):
        assert time.monotonic() < end, "no HIT came"
        time.sleep(0.2)
    client.post(hits[0]["acceptUrl"])
    state = client.get(hits[0]["stateUrl"]).json()
    page = urllib.request.urlopen(state["frameUrl"], timeout=10).read().decode()
    assert state["assignmentId"] in page and "/marketplace/mturk/externalSubmit" in page
    assert submit(client, state["assignmentId"], answer="Shadows & size").status_code == 200


def test_a_plain_boto3_program_runs_a_survey(site, worker_client, tmp_path):
    key, secret = accounts.ensure_requester("Another lab", "5.00")
    environment = {
        "PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path),
    }
    command = [sys.executable, str(EXAMPLE), "--endpoint-url", f"{site}/marketplace/api", "--workers", "2", "--timeout", "30"]
    program = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        for name in ("ana", "ben"):
            take_the_survey(worker_client(name))
        printed, _ = program.communicate(timeout=40)
    finally:
        program.kill()
    assert program.returncode == 0, printed
    assert printed.count(": Shadows & size") == 2
    assert printed.splitlines()[0] == "Balance: $5.00"
    assert printed.splitlines()[-1] == "Balance: $4.28"  # 2 x (0.25 + 0.05) and 2 x (0.05 + 0.01) of fees
