"""What the API answers: each method takes one request that has passed the guard, and runs in a thread of its own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from colorhub import __version__
from colorhub.space.study.catalogue import StudyCatalogue
from colorhub.space.study.limits import RateLimit
from colorhub.study.errors import ForeignError, InvalidError

if TYPE_CHECKING:
    from colorhub.study.studies import Study

_DIGITS = 5
_NO_SUCH = "There is no such picture."


@dataclass(frozen=True)
class Call:
    """A request: parts of its path, its body, its token ("" if none was sent) and the hash of its sender."""

    path: Mapping[str, Any]
    body: Mapping[str, Any]
    token: str
    sender: bytes


class Handlers:
    """The answers. Methods return what becomes JSON, or a response."""

    def __init__(self, catalogue: StudyCatalogue, rater_limit: RateLimit | None = None) -> None:
        self.catalogue = catalogue
        self._sessions = RateLimit(rate=2, burst=300)  # a class of raters behind one address
        self._codes = RateLimit(rate=0.2, burst=20)
        self._rater = rater_limit or RateLimit(rate=8, burst=120)

    def studies(self, call: Call) -> list[dict[str, Any]]:
        """All studies, those that are open first."""
        rows = [self._about(self.catalogue.study(name)) for name in self.catalogue.names()]
        return sorted(rows, key=lambda row: (row["state"] != "open", row["demonstration"], row["name"]))

    def study(self, call: Call) -> dict[str, Any]:
        """What a rater's page needs, and what the public may know of a study."""
        study = self.catalogue.study(call.path["name"])
        manifest, config = study.manifest, study.manifest.config
        return {
            **self._about(study),
            "protocol": manifest.protocol,
            "size": manifest.data["size"],
            "exposure_ms": manifest.data["exposure_ms"],
            "language": config.language,
            "languages": sorted(config.spoken()),
            "texts": {language: asdict(texts) for language, texts in config.spoken().items()},
            "plates": len(manifest.data["plates"]),
            "panel": {"parameter": config.panel.parameter} if config.panel.parameter else None,
            "links": {"screen_out": config.links.screen_out},
            "per_rater": config.design.per_rater,
            "practice": config.design.practice,
            "counts": self.catalogue.counts(manifest.name),
            "version": __version__,
            "sha256": manifest.sha256,
        }

    def begin(self, call: Call) -> dict[str, Any]:
        """A new session, or a panel participant's old one."""
        self._sessions.take(call.sender)
        name = self.catalogue.study(call.path["name"]).manifest.name
        language, panel_id = _text(call.body, "language", 16), _text(call.body, "panel_id", 200)
        if unknown := set(call.body) - {"language", "panel_id"}:
            raise InvalidError(f"A session has no key {sorted(unknown)[0][:40]!r}.")
        store = self.catalogue.store()
        if store.manifest(name).config.panel.parameter == "":
            panel_id = ""  # asked of nobody, so kept of nobody
        session = store.begin(name, language, panel_id or None)
        progress = asdict(store.progress(session.token))
        return {"token": session.token, "resumed": session.resumed, "progress": progress}

    def progress(self, call: Call) -> dict[str, Any]:
        """Where a rater is."""
        self._take(call)
        return asdict(self.catalogue.store().progress(call.token))

    def picture(self, call: Call) -> Response:
        """A picture of a trial, of its rater only."""
        self._take(call)
        store = self.catalogue.store()
        name, stimulus = store.picture(call.token, _whole(call.path["position"]), _whole(call.path["number"]))
        return _webp(self.catalogue.study(name), stimulus)

    def plate(self, call: Call) -> Response:
        """A plate of the check of colour vision."""
        self._take(call)
        study = self.catalogue.study(self.catalogue.store().study_of(call.token))
        plates, number = study.manifest.data["plates"], _whole(call.path["number"])
        if number >= len(plates):
            raise ForeignError(_NO_SUCH)
        return _webp(study, plates[number]["stimulus"])

    def read_plates(self, call: Call) -> dict[str, Any]:
        """Keep how many plates were read."""
        self._take(call)
        self.catalogue.store().record_plates(call.token, call.body.get("readings"))
        return {"read": True}  # not how many: nobody is told that he failed

    def vote(self, call: Call) -> dict[str, Any]:
        """Take an answer; sent twice, it is answered twice and counted once."""
        self._take(call)
        store = self.catalogue.store()
        values = {key: value for key, value in call.body.items() if key != "position"}
        receipt = store.vote(call.token, call.body.get("position"), values)
        return {
            "position": receipt.position,
            "repeated": receipt.repeated,
            "feedback": receipt.correct,
            "progress": asdict(receipt.progress),
        }

    def result(self, call: Call) -> dict[str, Any]:
        """A finished rater's own result, and where a panel wants him to go."""
        self._take(call)
        store = self.catalogue.store()
        result = store.result(call.token)
        config = store.manifest(store.study_of(call.token)).config
        missed = result["attention_failed"] and config.links.failed_attention
        return {
            **result,
            "link": missed or config.links.completion,
            "withdraw_until": config.withdraw_until,
        }

    def withdraw(self, call: Call) -> dict[str, Any]:
        """Delete everything of a rater."""
        self._codes.take(call.sender)
        gone = self.catalogue.store().withdraw(_text(call.body, "code", 200))
        return {"votes": gone["votes"], "closed": gone["closed"]}

    def report(self, call: Call) -> Response:
        """The report of a study that has ended, as HTML to be put into a page; refused while it is open."""
        return Response(self.catalogue.report(call.path["name"]), media_type="text/html")

    def trials(self, call: Call) -> Response:
        """The trials of a study that has ended, as CSV; refused while it is open."""
        name = {"Content-Disposition": 'attachment; filename="trials.csv"'}
        return Response(self.catalogue.trials(call.path["name"]), 200, name, "text/csv")

    def _about(self, study: "Study") -> dict[str, Any]:
        manifest = study.manifest
        return {
            "name": manifest.name,
            "title": manifest.config.spoken()[manifest.config.language].title,
            "demonstration": manifest.demonstration,
            "state": "open" if self.catalogue.state(manifest.name)["closed"] is None else "ended",
        }

    def _take(self, call: Call) -> None:
        """Count a rater's request; a forged token ends here. Raises :class:`ForeignError`, :class:`FloodError`."""
        self._rater.take(self.catalogue.store().rater_of(call.token).encode())


def _webp(study: "Study", stimulus: str) -> Response:
    return Response(study.picture(stimulus), media_type="image/webp")


def _whole(text: str) -> int:
    """A number in an address. Raises :class:`ForeignError`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ForeignError(_NO_SUCH)
    return int(text)


def _text(body: Mapping[str, Any], key: str, longest: int) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidError(f"{key} must be text of at most {longest} characters.")
    return value
