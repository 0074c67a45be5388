"""Who may take a campaign's HITs, as QualificationRequirements of Mechanical Turk's protocol.

Every requirement guards discovery too (`ActionsGuarded`), so that nobody is shown what he
may not take.
"""

from crowd.models import Campaign

APPROVAL_RATE = "000000000000000000L0"
HITS_APPROVED = "00000000000000000040"
LOCALE = "00000000000000000071"
GUARDED = "DiscoverPreviewAndAccept"
MOST_COUNTRIES = 30


def of_campaign(campaign: Campaign) -> list[dict]:
    """Approval rate, approved HITs and countries; none where the environment's workers have no record yet."""
    if not campaign.environment.asks_requirements:
        return []
    wanted = []
    if campaign.approval_rate_percent is not None:
        wanted.append(_at_least(APPROVAL_RATE, campaign.approval_rate_percent))
    if campaign.hits_approved is not None:
        wanted.append(_at_least(HITS_APPROVED, campaign.hits_approved))
    if countries := countries_of(campaign):
        wanted.append({
            "QualificationTypeId": LOCALE, "Comparator": "In" if len(countries) > 1 else "EqualTo",
            "LocaleValues": [{"Country": country} for country in countries], "ActionsGuarded": GUARDED,
        })
    return wanted


def countries_of(campaign: Campaign) -> list[str]:
    return [code for code in campaign.countries.replace(",", " ").split() if code]


def _at_least(type_id: str, value: int) -> dict:
    comparison = {"Comparator": "GreaterThanOrEqualTo", "IntegerValues": [value]}
    return {"QualificationTypeId": type_id, **comparison, "ActionsGuarded": GUARDED}


def without(type_id: str) -> dict:
    """Nobody who holds this qualification."""
    return {"QualificationTypeId": type_id, "Comparator": "DoesNotExist", "ActionsGuarded": GUARDED}


def only_with(type_id: str) -> dict:
    """Only those who hold it."""
    return {"QualificationTypeId": type_id, "Comparator": "Exists", "ActionsGuarded": GUARDED}
