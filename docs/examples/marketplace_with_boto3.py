"""A survey on Nearer's marketplace, by a program that knows nothing of Nearer: boto3 and a web page.

It serves one question on this machine, publishes it as a HIT, waits for the answers, pays
with a word of thanks, and clears up. The access key comes from boto3's usual places, for
instance the environment:

    export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...     (manage.py marketplace requester "My lab" --deposit 20)
    python docs/examples/marketplace_with_boto3.py --endpoint-url http://127.0.0.1:8000/marketplace/api --workers 2
"""

import argparse
import html
import threading
import time
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import boto3

SCHEMA = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>One question</title>
<form method="post" action="{action}">
  <input type="hidden" name="assignmentId" value="{assignment}">
  <h1>How do you judge which of two things is nearer?</h1>
  <p><label>In a few words: <input name="answer" required {disabled}></label></p>
  <p><button {disabled}>Hand in</button></p>
</form>
</html>"""


class Survey(BaseHTTPRequestHandler):
    """The task page. The marketplace opens it with assignmentId, hitId, workerId and turkSubmitTo."""

    allowed = ""  # where answers may go: the marketplace, and nowhere that a stranger writes into the address

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        is_preview = query.get("assignmentId", "ASSIGNMENT_ID_NOT_AVAILABLE") == "ASSIGNMENT_ID_NOT_AVAILABLE"
        submit_to = query.get("turkSubmitTo", self.allowed).rstrip("/")
        if submit_to != self.allowed:
            self.send_error(400, "turkSubmitTo is not the marketplace")
            return
        page = PAGE.format(
            action=html.escape(f"{submit_to}/mturk/externalSubmit"),
            assignment=html.escape(query.get("assignmentId", "")),
            disabled="disabled" if is_preview else "",
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *args) -> None:
        """Keep the terminal for the results."""


def external_question(url: str, height: int) -> str:
    root = ElementTree.Element("ExternalQuestion", xmlns=SCHEMA)
    ElementTree.SubElement(root, "ExternalURL").text = url
    ElementTree.SubElement(root, "FrameHeight").text = str(height)
    return ElementTree.tostring(root, encoding="unicode")


def answer_in(xml: str) -> str:
    """The worker's words. Use defusedxml where answers come from people you do not know."""
    for element in ElementTree.fromstring(xml):
        identifier, text = (child.text or "" for child in element)
        if identifier == "answer":
            return text
    return ""


def wait_for_answers(mturk, hit_id: str, n: int, timeout_s: float) -> list[dict]:
    end = time.monotonic() + timeout_s
    while True:
        pages = mturk.get_paginator("list_assignments_for_hit").paginate(HITId=hit_id)
        answers = [assignment for page in pages for assignment in page["Assignments"]]
        if len(answers) >= n or time.monotonic() > end:
            return answers
        time.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint-url", required=True, help="Of the marketplace's requester interface.")
    parser.add_argument("--workers", type=int, default=2, help="How many answers to ask for.")
    parser.add_argument("--reward", default="0.25", help="In dollars.")
    parser.add_argument("--timeout", type=float, default=3600, help="How long to wait, in s.")
    options = parser.parse_args()

    mturk = boto3.client("mturk", endpoint_url=options.endpoint_url, region_name="us-east-1")
    Survey.allowed = options.endpoint_url.rstrip("/").removesuffix("/api")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Survey)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"Balance: ${mturk.get_account_balance()['AvailableBalance']}")

    hit = mturk.create_hit(
        Title="One question about nearness",
        Description="Tell us in a few words how you judge which of two things is nearer.",
        Keywords="survey, short",
        Reward=options.reward,
        MaxAssignments=options.workers,
        LifetimeInSeconds=3600,
        AssignmentDurationInSeconds=600,
        AutoApprovalDelayInSeconds=86400,
        Question=external_question(f"http://127.0.0.1:{server.server_port}/survey", 400),
        UniqueRequestToken=f"survey-{datetime.now(UTC):%Y%m%d%H%M%S%f}",
    )["HIT"]
    print(f"HIT {hit['HITId']} is on offer to {options.workers} workers.", flush=True)

    answers = wait_for_answers(mturk, hit["HITId"], options.workers, options.timeout)
    for assignment in answers:
        print(f"{assignment['WorkerId']}: {answer_in(assignment['Answer'])}")
        mturk.approve_assignment(AssignmentId=assignment["AssignmentId"], RequesterFeedback="Thank you!")
        mturk.send_bonus(
            WorkerId=assignment["WorkerId"], AssignmentId=assignment["AssignmentId"], BonusAmount="0.05",
            Reason="For being among the first.", UniqueRequestToken=f"bonus-{assignment['AssignmentId']}",
        )

    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=datetime(2015, 1, 1, tzinfo=UTC))
    if mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable":
        mturk.delete_hit(HITId=hit["HITId"])
    server.shutdown()
    print(f"Balance: ${mturk.get_account_balance()['AvailableBalance']}")
    return 0 if len(answers) == options.workers else 1


if __name__ == "__main__":
    raise SystemExit(main())
