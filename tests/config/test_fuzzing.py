"""Whatever the schema lets a program send, in and out of its bounds, gets an answer that the schema describes.

Schemathesis makes the calls, always the same ones, and they reach the site's own WSGI application, rows and tokens.
Half of the time a number in an address or a body is that of a row that is there.
"""

import json
import re
import zlib
from contextlib import contextmanager

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from access.authentication import TokenThrottle, UserThrottle
from access.models import Scope
from annotation.models import Vote
from crowd import deciding, life
from crowd.models import Assignment, Call, Payment, Publication, VoteImport
from crowd.ways import invitation as invitations
from modeling import exporting, promoting
from modeling.models import Demonstration, Round
from tests import factories
from tests.access.test_tokens import make_token
from tests.modeling import runs

pytestmark = [pytest.mark.django_db, pytest.mark.long, pytest.mark.once]
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]
MARKETPLACE_FAILED = 502  # of 5xx the one that is documented


@pytest.fixture
def world(settings, tmp_path, monkeypatch) -> dict:
    """A little of everything, owned by one researcher: the numbers by the words that name them in addresses and bodies."""
    settings.VAR_DIR, settings.IMPORT_ROOTS = tmp_path / "var", [str(tmp_path)]
    for throttle in (UserThrottle, TokenThrottle):
        monkeypatch.setattr(throttle, "THROTTLE_RATES", {"user": None, "token": None})
    owner = runs.make_researcher()
    owner.user_permissions.add(Permission.objects.get(codename="delete_environment"))  # which no role has
    release = runs.make_release(runs.make_labelled_campaign(n_people=4, per_person=3, owner=owner))
    run, campaign, dataset = runs.make_bare_run(release), release.campaign, release.campaign.dataset
    invited = factories.make_campaign(dataset=dataset, environment=factories.make_environment(kind="invitation"))
    invitation = invitations.invite(invited, name="Ada", user=owner)
    work, vote = Assignment.objects.get(), Vote.objects.first()
    promotion = promoting.start(run, dataset, owner)
    life.pause(campaign, owner)
    numbers = {
        "dataset": dataset, "campaign": campaign, "merge": release.merge, "release": release, "run": run, "work": work,
        "worker": work.worker, "invitation": invitation, "vote": vote, "pair": vote.pair, "person": vote.pair.person,
        "image": vote.pair.person.image, "environment": campaign.environment, "promotion": promotion,
        "ledger": deciding.exclude(work.worker, owner) or Payment.objects.get(), "publication": Publication.objects.get(),
        "consensus": release.merge.consensuses.first(), "skill": release.merge.skills.first(),
        "audit": LogEntry.objects.first(),
        "import": factories.make_import(created_by=owner), "vote-import": VoteImport.objects.create(
            dataset=dataset, name="x", filename="x", stored="x", sha256="x", created_by=owner,
        ),
    }
    numbers |= {
        "round": Round.objects.create(campaign=campaign, n_new_votes=1, counted_until=timezone.now()),
        "onnx-export": exporting.start(run, owner),
        "demonstration": Demonstration.objects.create(dataset=dataset, created_by=owner),
        "call": Call.objects.create(
            environment=campaign.environment, campaign=campaign, kind="bonus", token="x", state=Call.State.REFUSED,
            assignment=work, worker=work.worker, payload={"amount_usd": "0.20"},
        ),
        "token": make_token(owner, Scope.READ)[0],
    }
    numbers = {name: row.pk for name, row in numbers.items()}
    several = {f"{name}s": number for name, number in numbers.items()}
    return numbers | several | {
        "owner": owner, "cadences": campaign.pk, "with": release.pk, "started_from": run.pk, "people": numbers["person"],
        "user": runs.make_researcher().username, "skeletons": dataset.skeleton.name,
        "environment": campaign.environment.name, "filename": "pairs.csv",
    }


def grounded(case, world: dict, *, always: bool = False) -> None:
    """Names rows that are there, in one case of two (told by what the case is, so that it is the same every time)."""
    if not always and zlib.crc32(f"{case.path_parameters}{case.body}".encode(errors="replace")) % 2:
        return
    thing = case.path.removeprefix("/api/v1/").partition("/")[0]
    for name in re.findall(r"{(\w+)}", case.path):
        case.path_parameters[name] = world.get(name, world.get(thing, 1))
    for values in (case.query, case.body):
        if isinstance(values, dict):
            values.update({name: world[name] for name in values if name in world})


@contextmanager
def program(schema: dict, world: dict, *scopes: str):
    """The schema's operations, bound to the site, and the headers of a token that may do so much."""
    description = from_dict(schema)
    description.app = get_wsgi_application()
    authorization = make_token(world["owner"], *scopes)[1]._credentials["HTTP_AUTHORIZATION"]
    with the_connection_kept():
        yield [found.ok() for found in description.get_all_operations()], {"Authorization": authorization}


def validated(case, headers: dict) -> int:
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=CHECKS[1:] if answer.status_code == MARKETPLACE_FAILED else CHECKS)
    return answer.status_code


@contextmanager
def the_connection_kept():
    """As Django's own test client does: a request's end closes no connection that a test has a transaction on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def call_often(operation, mode: GenerationMode, headers: dict, world: dict, examples: int = 2) -> None:
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case):
        grounded(case, world)
        validated(case, headers)

    call()


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    return json.loads(file.read_text())


def test_whatever_a_program_with_every_right_sends_gets_a_documented_answer(schema, world):
    with program(schema, world, *Scope.values) as (operations, headers):
        for operation in operations:
            for mode in GenerationMode:
                call_often(operation, mode, headers, world)


def test_a_token_of_one_scope_does_what_the_schema_says_and_is_told_so_everywhere_else(schema, world):
    for scope in Scope.values:
        with program(schema, world, scope) as (operations, headers):
            for operation in operations:
                case = operation.Case()
                grounded(case, world, always=True)
                needed = operation.definition.raw["x-scope"]
                assert (validated(case, headers) == 403) == (needed != scope), (operation.label, scope)
