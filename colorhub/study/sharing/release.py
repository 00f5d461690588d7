"""The published data of a study that has ended: its trials, its truth, its report, as a dataset on the Hub.

Without panel ids, which are deleted when a study is closed, and with less about devices and days (``public``).
"""

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from colorhub.hub import Content, Hub, Plan, State, carry_out, make_plan
from colorhub.study.design.manifest import NAME as MANIFEST
from colorhub.study.design.manifest import Manifest, canonical
from colorhub.study.errors import StudyError
from colorhub.study.report.report import finished_ending, make_report, write_report
from colorhub.study.sharing import remotes
from colorhub.study.sharing.backup import INDEX
from colorhub.study.sharing.release_card import card_of
from colorhub.study.statistics.resampling import DRAWS
from colorhub.study.store.store import Store
from colorhub.study.studies import Study
from colorhub.study.trials import PUBLIC_COLUMNS, public_rows, public_table

SCHEMA = 1
FACTS, CARD = "study.json", "README.md"
KIND = "colorhub study"
_OWNED = (CARD, FACTS, MANIFEST, "data/*", "report/*")
_TEXT, _WHOLE, _NUMBER, _TRUTH = pa.string(), pa.int32(), pa.float64(), pa.bool_()
_WHOLES, _NUMBERS = ("position", "image", "frames"), ("rt_ms", "exposure_ms", "refresh_hz", "pixel_ratio")
_TRUTHS = ("correct", "said_real", "fooled", "seen_before", "focus_lost")
_TYPES = {**dict.fromkeys(_WHOLES, _WHOLE), **dict.fromkeys(_NUMBERS, _NUMBER), **dict.fromkeys(_TRUTHS, _TRUTH)}
TRIALS = pa.schema({column: _TYPES.get(column, _TEXT) for column in PUBLIC_COLUMNS})
STIMULI = pa.schema(
    {"stimulus": _TEXT, "image": _WHOLE, "photo": _TEXT, "shown": _TEXT, "kind": _TEXT, "sha256": _TEXT}
)


@dataclass(frozen=True)
class PublishedData:
    """Published data. ``raters``: whose answers are in them."""

    plan: Plan
    commit: str
    raters: int
    trials: int


def release(
    hub: Hub,
    store: Store,
    study: Study,
    repo_id: str,
    *,
    private: bool = False,
    license: str = "",
    draws: int = DRAWS,
    mixed: bool = True,
) -> PublishedData:
    """Publish a closed study's data, in one commit, where anything has changed.

    Args:
        hub: with a token that may write.
        store: with the study in it.
        study: with its folder.
        repo_id: of a dataset; it is made where there is none.
        private: make it private.
        license: of the data, as the Hub writes licences.
        draws, mixed: of the report.

    Raises:
        StudyError: the study is open, or raters may still withdraw by what the consent page promises.
        PublishError: the repository holds something else, or the connection failed, and then it holds the old files or
            the new ones.
    """
    refuse_early(study.manifest, store.today())
    plan_release(hub, repo_id, study.manifest, {}, private=private)  # that it can be, before the trials are analysed
    stored = store.rows(study.manifest.name)
    rows = public_rows(stored)
    facts = _facts(store, study.manifest, rows)
    report = make_report(study.manifest.data, public_table(stored), finished_ending(store, facts["name"]), draws, mixed)
    card = card_of(repo_id, study.manifest, report, facts, license)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            CARD: card.encode(),
            FACTS: json.dumps(facts, indent=2, ensure_ascii=False).encode(),
            MANIFEST: canonical(study.manifest.data),
            "data/trials.parquet": _parquet(rows, TRIALS),
            "data/stimuli.parquet": _parquet(stimulus_rows(study.manifest), STIMULI),
            **{f"report/{at.relative_to(folder).as_posix()}": at for at in write_report(report, Path(folder))},
        }
        plan = plan_release(hub, repo_id, study.manifest, files, private=private)
        commit = carry_out(hub, plan)
    remotes.remember(study.folder, release=repo_id)
    return PublishedData(plan, commit, facts["raters"], sum(row["kind"] == "trial" for row in rows))


def plan_release(
    hub: Hub, repo_id: str, manifest: Manifest, files: Mapping[str, Content], *, private: bool = False
) -> Plan:
    """What publishing would change. Raises ``PublishError`` as :func:`release`."""
    return make_plan(
        hub,
        repo_id,
        "dataset",
        files,
        owned=_OWNED,
        is_ours=lambda state: _why_not(hub, repo_id, state, manifest),
        private=private,
        title=f"{manifest.name}: trials, truth and report",
    )


def refuse_early(manifest: Manifest, today: str) -> None:
    """Raises :class:`StudyError` while the consent page still promises that a withdrawal reaches everything."""
    until = manifest.config.withdraw_until
    if until is not None and today <= until:
        raise StudyError(
            f"The consent page of {manifest.name} promises that answers can be withdrawn completely until {until}: "
            "publish them after that day."
        )


def _facts(store: Store, manifest: Manifest, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    state = store.state(manifest.name)
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "name": manifest.name,
        "manifest_sha256": manifest.sha256,
        "demonstration": manifest.demonstration,
        "protocol": manifest.protocol,
        "opened": state["opened"],
        "closed": state["closed"],
        "closed_early": bool(state["closed_early"]),
        "closed_why": state["closed_why"],
        "raters": len({row["rater"] for row in rows}),
        "rows": len(rows),
        "withdrawn": state["withdrawn"],
    }


def stimulus_rows(manifest: Manifest) -> list[dict[str, Any]]:
    """The truth: what every picture showed, and which photo it was made from."""
    drawn = manifest.data["photos"].get("drawn", [])
    return sorted(
        (
            {
                "stimulus": at,
                "photo": drawn[one["image"]] if one["image"] < len(drawn) else None,
                **{key: one[key] for key in ("image", "shown", "kind", "sha256")},
            }
            for at, one in manifest.stimuli.items()
        ),
        key=lambda row: (row["image"], row["shown"], row["stimulus"]),
    )


def _parquet(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), out)
    return out.getvalue()


def _why_not(hub: Hub, repo_id: str, state: State, manifest: Manifest) -> str | None:
    if INDEX in state.digests:
        return "holds the backups, which are private"
    if FACTS not in state.digests:
        return None if set(state.digests) <= {CARD, "LICENSE"} else "holds a dataset that is no study of colorhub"
    facts = hub.read_json(repo_id, FACTS, state.commit, "dataset")
    if facts.get("manifest_sha256") == manifest.sha256:
        return None
    return f"holds another study, {facts.get('name')}"
