"""Campaigns on ways that do not choose the HIT, and people who come to their own address."""

import json
import re
from urllib.parse import urlencode

from crowd.models import Assignment, Campaign, Environment
from crowd.visits import entering
from crowd.visits.entering import Visitor
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign, make_environment, make_hit

Kind = Environment.Kind


def make_way(kind: Kind = Kind.LINK, **overrides) -> Environment:
    fields = {"kind": kind, "endpoint_url": "", "worker_url": "", "worker_parameter": "pid", "session_parameter": "visit"}
    return make_environment(**(fields | overrides))


def make_open_campaign(n_hits: int = 2, *, kind: Kind = Kind.LINK, places: int = 2, n_images: int = 1, **overrides) -> Campaign:
    """On offer: so many HITs of an image's two pairs, each for so many people."""
    environment = overrides.pop("environment", None) or make_way(kind)
    pairs = make_drawn_pairs(n_hits * n_images, 2)
    dataset = pairs[0].person.image.dataset
    campaign = make_campaign(dataset=dataset, environment=environment, **({"delay_ms": 0} | overrides))
    size = 2 * n_images
    for number in range(n_hits):
        some = pairs[number * size : (number + 1) * size]
        make_hit(some, campaign=campaign, max_assignments=places, number=number)
    return campaign


def come(campaign: Campaign, worker_id: str, session: str = "v1") -> Assignment:
    return entering.enter(campaign, Visitor(worker_id, session))


def address(campaign: Campaign, site: str = "", **query: str) -> str:
    return f"{site}/task/study/{campaign.entry}/" + (f"?{urlencode(query)}" if query else "")


def data_of(response) -> dict:
    text = response.content.decode()
    return json.loads(re.search(r'id="task-data" type="application/json">(.*?)</script>', text, re.S)[1])


def why_of(response) -> str:
    return re.search(r'data-why="(\w+)"', response.content.decode())[1]


def work_through(client, data: dict, choose=lambda comparison: "first") -> None:
    """Answer everything and hand in, as the page's script would; `choose` gets a comparison as the page has it."""
    headers = {"authorization": f"Bearer {data['token']}"}
    for number, row in enumerate(data["comparisons"], start=data["answers"]["last"] + 1):
        body = {"position": row["position"], "choice": choose(row), "epoch": data["epoch"]}
        body |= {"response_ms": 900, "elapsed_ms": 900}
        reply = client.put(f"{data['urls']['answers']}{number}", body, content_type="application/json", headers=headers)
        assert reply.status_code == 200, reply.content
    body = {"epoch": data["epoch"], "feedback": {}}
    assert client.post(data["urls"]["hand_in"], body, content_type="application/json", headers=headers).status_code == 200


def finish_visits(client, campaign: Campaign, *people: str) -> list[Assignment]:
    """These people come by the link's address, do a task and reach its end."""
    for pid in people:
        data = data_of(client.get(address(campaign, pid=pid, visit=f"v-{pid}")))
        work_through(client, data)
        client.post("/task/done/", data["submit"]["fields"])
    return list(Assignment.objects.order_by("pk"))
