"""A process of its own that does one step of a campaign and may be killed while it does: `python -m tests.crowd.errand`."""

import sys


def main(step: str, number: str) -> None:
    import django

    django.setup()
    from crowd import reconciling
    from crowd.models import Campaign, Publication
    from crowd.mturk import gateway
    from jobs import running

    gateway.WAITS_S = ()
    if step == "collect":
        reconciling.reconcile(Campaign.objects.get(pk=number))
    else:
        running.execute(Publication.objects.get(pk=number))


if __name__ == "__main__":
    main(*sys.argv[1:])
