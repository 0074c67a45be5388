"""How the card and the datasheet say numbers."""


def percent(share: float | None, digits: int = 1) -> str:
    return "unknown" if share is None else f"{100 * share:.{digits}f} %"


def n_of(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def n_people(count: int) -> str:
    return n_of(count, "person", "people")
