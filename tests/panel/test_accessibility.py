"""axe finds no barrier in any page of the panel, light or dark; and the browser has nothing to complain about."""

from pathlib import Path

import pytest

from tests.panel import every_page

pytestmark = pytest.mark.django_db(transaction=True)
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def barriers(page) -> list[str]:
    """What axe finds in the page as it stands, and then by its colours in the dark."""
    before = len(page.errors)
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)["violations"]
    page.emulate_media(color_scheme="dark")
    found += page.evaluate("axe.run(document, {runOnly: ['color-contrast', 'link-in-text-block']})")["violations"]
    page.emulate_media(color_scheme="light")
    del page.errors[before:]  # axe tries styles that the content security policy, rightly, does not let in
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


def one_of_each(client, world) -> dict[str, str]:
    """An address of the panel for each template that makes a whole page, and campaigns in each state."""
    found = {}
    for name, address in every_page.addresses(world).items():
        answer = client.get(address)
        if answer.status_code == 200 and answer.templates and b"<html" in answer.getvalue():
            found.setdefault(name if ", " in name else answer.templates[0].name, address)
    return found


@pytest.mark.long
def test_no_page_has_a_barrier(open_page, log_in, site, client, researcher):
    client.force_login(researcher)
    pages = one_of_each(client, every_page.make_world(researcher))
    assert len(pages) > 50
    page = open_page(color_scheme="light", reduced_motion="reduce")
    page.goto(f"{site}/panel/login/")
    found = {"login": barriers(page)}
    log_in(page)
    for address in pages.values():
        page.goto(site + address)
        found[address] = barriers(page)
    assert {address: some for address, some in found.items() if some} == {}
