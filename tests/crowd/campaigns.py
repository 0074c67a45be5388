"""A campaign on a real marketplace, for tests that speak to it over HTTP."""

from collections.abc import Callable

from django.conf import settings

from crowd import publishing
from crowd.marketplace import accounts
from crowd.models import Campaign, Environment
from crowd.simulation.browser import Browser, Page
from crowd.simulation.visitor import Answer, Shown, work
from jobs import running
from tests.factories import make_campaign, make_pairs


def judge_first(shown: Shown) -> Answer:
    return Answer(chose_first=True, response_ms=1800)


class Person:
    """Somebody with a browser and an account on the marketplace."""

    def __init__(self, name: str):
        self.browser = Browser()
        (token,) = accounts.invite()
        form = self.browser.get(f"{settings.MARKETPLACE_URL}/join/{token}/").form("join")
        self.browser.submit(form, username=name, password="long enough 4 it", country="US")

    def accept(self, hit) -> str:
        """The address in the frame."""
        page = self.browser.get(f"{settings.MARKETPLACE_URL}/hits/{hit.hit_id}/preview/")
        return self.browser.submit(page.form("accept")).frames[0]

    def do(self, hit, judge: Callable[[Shown], Answer] = judge_first) -> Page:
        return work(self.browser, self.accept(hit), judge)


def make_published(place: Environment, *, n_pairs: int = 10, **overrides) -> Campaign:
    """A campaign whose HITs are on offer; two images of five pairs to a HIT unless said otherwise."""
    campaign = make_campaign(environment=place, **{"votes_per_pair": 2, "images_per_hit": 2} | overrides)
    make_pairs(n_pairs, campaign.dataset)
    job = running.execute(publishing.publish(campaign, campaign.owner))
    assert job.is_done, job.error
    campaign.refresh_from_db()
    return campaign
