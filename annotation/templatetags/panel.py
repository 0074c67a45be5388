"""How numbers are written in the panel."""

from decimal import Decimal
from math import erf, sqrt

from django import template

register = template.Library()


@register.filter
def percent(share, digits: int = 0) -> str:
    """0.731 as 73 %; unknown as a dash."""
    return "–" if share is None or share == "" else f"{100 * float(share):.{digits}f} %"


@register.filter
def points(share) -> str:
    """A difference of shares with its sign: 0.061 as +6.1 points; unknown as a dash."""
    return "–" if share is None or share != share else f"{100 * float(share):+.1f} points"


@register.filter
def usd(amount) -> str:
    """Dollars and cents; unknown as a dash."""
    return "–" if amount is None or amount == "" else f"${Decimal(amount):,.2f}"


@register.filter
def item(row, key):
    """`row[key]`, which a template cannot say when the key is a variable."""
    return row[key]


@register.filter
def plain(value) -> str:
    """A number of a chart's table: as short as it can be said, and nothing for None."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@register.filter
def negated(number):
    return -number


@register.filter
def even_choice(bias) -> str:
    """A habit in probits as what it makes of an even choice: 0.5 is 69 %."""
    return "–" if bias is None else f"{50 * (1 + erf(bias / sqrt(2))):.0f} %"
