"""What can go wrong, each in one sentence. A vote that is refused changes nothing."""

from typing import ClassVar


class StudyError(ValueError):
    """A study that cannot be made, opened or changed: the message says what was wrong, and what to do."""


class ManifestError(StudyError):
    """A manifest that is corrupted, incomplete or of a newer version."""


class DatabaseError(StudyError):
    """The database cannot be reached, or was written by a newer version. What was acknowledged before is safe."""


class RefusedError(StudyError):
    """A request of a rater that was refused. ``status`` is the HTTP status that says the same, ``code`` a short word
    that a page can act on."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"


class ForeignError(RefusedError):
    """A token that was not signed here, or something that belongs to another rater."""

    status, code = 403, "foreign"


class ReplayedError(RefusedError):
    """A second, different answer to a trial that has one."""

    status, code = 409, "replayed"


class OutOfOrderError(RefusedError):
    """An answer to a trial that is not the rater's next one."""

    status, code = 409, "out-of-order"


class FinishedError(RefusedError):
    """The rater has answered all trials."""

    status, code = 409, "finished"


class ClosedError(RefusedError):
    """The study takes no votes any more."""

    status, code = 410, "closed"


class FullError(RefusedError):
    """All sequences are with raters, or as many raters as planned have finished."""

    status, code = 409, "full"


class TookPartError(RefusedError):
    """A panel's participant who has finished a session of this study already."""

    status, code = 409, "took-part"


class InvalidError(RefusedError):
    """An answer that makes no sense: an unknown word, an absurd time, a wrong type."""

    status, code = 422, "invalid"


class TooLargeError(RefusedError):
    """More text than any answer needs."""

    status, code = 413, "too-large"


class UnavailableError(RefusedError):
    """The database cannot be reached just now: the same request can be sent again, it is never counted twice."""

    status, code = 503, "unavailable"
