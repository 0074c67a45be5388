"""What a participant sees: open studies, one's own submissions, the way to a study and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from crowd.prolific.stand_in.account import Account, Refused, Submission

STYLE = """body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:42rem;padding:1rem;color:#16181d;background:#f7f8fa}
article{background:#fff;border:1px solid #c9ced6;border-radius:.5rem;padding:1rem;margin:1rem 0}
button,.button{display:inline-block;min-height:2.75rem;padding:.5rem 1.2rem;border:0;border-radius:.4rem;background:#1f4fa3;
color:#fff;font:inherit;font-weight:600;text-decoration:none;cursor:pointer;box-sizing:border-box}
.quiet{background:#fff;color:#1f4fa3;border:2px solid #1f4fa3}code{overflow-wrap:anywhere}"""


@dataclass
class Answer:
    html: str
    status: int = 200
    location: str = ""


def page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style>'
        f"<main><h1>{escape(title)}</h1>{content}</main></html>"
    )


def trouble(sentence: str) -> str:
    return page("That did not work", f'<p role="alert">{escape(sentence)}.</p><p><a href="/">All studies</a></p>')


def respond(account: Account, method: str, path: str, query: dict, form: dict, who: str) -> Answer:
    """The page at a path, for the participant of this browser. Raises: Refused."""
    if path == "/":
        return Answer(_home(account, who))
    if match := re.fullmatch(r"/studies/([0-9a-f]+)/take", path):
        if method != "POST":
            raise Refused(405, "Press the button")
        return Answer("", 303, f"/submissions/{account.take(match[1], who).id}")
    if path == "/submissions/complete":
        done = account.complete(who, query.get("cc", [""])[0])
        return Answer("", 303, f"/submissions/{done.id}")
    if match := re.fullmatch(r"/submissions/([0-9a-f]+)(/return)?", path):
        one = account.submissions.get(match[1])
        if one is None or one.participant_id != who:
            raise Refused(404, "There is no such submission of yours")
        if match[2] and method == "POST":
            account.give_back(one.id)
            return Answer("", 303, f"/submissions/{one.id}")
        return Answer(_submission(account, one))
    raise Refused(404, "There is no such page")


def _home(account: Account, who: str) -> str:
    rows = []
    for study in (account.shown(one) for one in account.studies):
        if study["status"] != "ACTIVE":
            continue
        left = study["total_available_places"] - study["places_taken"]
        rows.append(
            f"<article><h2>{escape(study['name'])}</h2><p>{escape(study['description'])}</p>"
            f"<p>${study['reward'] / 100:.2f}, about {study['estimated_completion_time']} minutes, {left} places left</p>"
            f'<form method="post" action="/studies/{study["id"]}/take"><button>Take part</button></form></article>'
        )
    found = "".join(rows) or "<p>No study is open just now.</p>"
    return page("Open studies", f"<p>You are participant <code>{who}</code>. This is a stand-in for Prolific.</p>{found}")


def _submission(account: Account, one: Submission) -> str:
    study = account.shown(one.study_id)
    said = {
        "ACTIVE": "You have begun. The study opens in a new tab.", "AWAITING REVIEW": "Complete: it awaits review.",
        "APPROVED": "Approved and paid.", "REJECTED": f"Rejected: {one.message}", "RETURNED": "You have given it back.",
    }.get(one.status, one.status)
    bonuses = "".join(f"<p>Bonus: ${cents / 100:.2f}</p>" for cents in one.bonuses)
    acts = ""
    if one.status == "ACTIVE":
        acts = (
            f'<p><a class="button" target="_blank" rel="noopener" href="{escape(account.address(one))}">Open study</a></p>'
            f'<form method="post" action="/submissions/{one.id}/return"><button class="quiet">Give it back</button></form>'
        )
    state = f'<p data-status="{one.status}">{escape(said)}</p>'
    return page(study["name"], f'{state}{bonuses}{acts}<p><a href="/">All studies</a></p>')
