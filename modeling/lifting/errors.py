"""What can go wrong, by name. Every message says where it is and what to do about it."""


class LiftingError(ValueError):
    """Something the caller gave cannot be used; trying again changes nothing."""


class BadData(LiftingError):
    """A file or an array that is not what it should be."""


class TamperedFile(BadData):
    """A file differs from the checksum that its manifest promises."""


class BadConfig(LiftingError):
    """A setting that does not exist or has a value that makes no sense."""


class WrongSkeleton(LiftingError):
    """A run knows other joints than the data it is asked about."""


class Diverged(LiftingError):
    """Training produced numbers that are not finite before there were any weights worth keeping."""


class Stopped(LiftingError):
    """The caller's on_epoch returned False in the middle of several trainings; what was asked for is not there."""
