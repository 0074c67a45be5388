"""Small helpers: a question, and the steps of a worker."""

from django.test import Client

QUESTION_NAMESPACE = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"


def question(url: str = "https://task.example/page?hit=1&amp;lang=en", height: int = 600) -> str:
    return (
        f'<ExternalQuestion xmlns="{QUESTION_NAMESPACE}">'
        f"<ExternalURL>{url}</ExternalURL><FrameHeight>{height}</FrameHeight></ExternalQuestion>"
    )


QUESTION = question()


def html_question(html: str, height: int = 0) -> str:
    namespace = QUESTION_NAMESPACE.replace("2006-07-14/External", "2011-11-11/HTML")
    return (
        f'<HTMLQuestion xmlns="{namespace}"><HTMLContent><![CDATA[{html}]]></HTMLContent>'
        f"<FrameHeight>{height}</FrameHeight></HTMLQuestion>"
    )


def sign_in(client: Client, username: str, password: str = "correct horse"):
    return client.post("/marketplace/signin/", {"username": username, "password": password})


def accept(client: Client, hit: dict) -> str:
    """Accepts through the page; the assignment's id."""
    client.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    return client.get(f"/marketplace/hits/{hit['HITId']}/state/").json()["assignmentId"]


def submit(client: Client, assignment_id: str, **answers):
    return client.post("/marketplace/mturk/externalSubmit", {"assignmentId": assignment_id} | (answers or {"answer": "left"}))


def work(client: Client, hit: dict, **answers) -> str:
    """Accepts and hands in; the assignment's id."""
    assignment_id = accept(client, hit)
    assert submit(client, assignment_id, **answers).status_code == 200
    return assignment_id
