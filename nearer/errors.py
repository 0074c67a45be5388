"""What can be wrong with a release; every message names the place and the remedy."""


class BadRelease(ValueError):
    """The files are not a release that can be read."""


class TamperedRelease(BadRelease):
    """A file is not the one that the manifest promises: damaged on the way, or changed."""
