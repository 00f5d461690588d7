"""What is published of a closed study, on a Hub on loopback: its trials, its truth, its report, and nobody."""

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from local_hub import Fault, LocalHub
from study_commands import answer, move_to, opened, refused, run
from study_parts import small_config, stored_study

from colorhub.study.design.config import Panel
from colorhub.study.design.manifest import verified
from colorhub.study.sharing.release import TRIALS
from colorhub.study.sharing.release_card import CODEBOOK
from colorhub.study.store.store import Store
from colorhub.study.studies import Study

REPO = "our-org/real-or-fake"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: LocalHub) -> Study:
    config = small_config(raters=9, panel=Panel("PID"), withdraw_until="2020-01-31")
    return stored_study(move_to(tmp_path / "studies", monkeypatch), config=config)


@pytest.fixture
def store(study: Study) -> Store:
    """Closed, with answers of five raters."""
    store = opened(study)
    for number in range(5):
        answer(store, store.begin("small", panel_id=f"panel-id-{number}").token)
    store.close("small", "enough")
    return store


def published(hub: LocalHub) -> dict[str, bytes]:
    return hub.files(REPO, "dataset")


def test_trials_truth_and_report_in_one_commit(hub: LocalHub, study: Study, store: Store) -> None:
    said = run("publish", "small", "--to", REPO, "--license", "cc-by-4.0").stdout
    assert said.startswith(f"public dataset {REPO}: data of small, 5 raters, 40 trials: published as ")
    files = published(hub)
    assert len(hub.commits(REPO, "dataset")) == 2  # the Hub's own first one, and ours
    trials = pq.read_table(io.BytesIO(files["data/trials.parquet"])).to_pandas()
    rows = pd.DataFrame(store.rows("small"))
    for column in ("rater", "position", "kind", "image", "model", "answer", "correct", "rt_ms", "excluded"):
        assert trials[column].tolist() == rows[column].tolist()
    assert verified(json.loads(files["manifest.json"]), "").sha256 == study.manifest.sha256
    truth = pq.read_table(io.BytesIO(files["data/stimuli.parquet"])).to_pandas()
    joined = trials.merge(truth, left_on=["image", "model", "kind"], right_on=["image", "shown", "kind"])
    assert len(joined) == len(trials)
    assert set(joined["photo"]) <= {f"photo-{n}.jpg" for n in range(20)}
    found = pd.read_csv(io.BytesIO(files["report/results.csv"])).set_index(["analysis", "figure", "first"])
    judged = trials[(trials["kind"] == "trial") & (trials["model"] == "one")]
    assert found.loc[("all trials", "realness", "one"), "real"] == (judged["answer"] == "real").sum()
    assert "closed_early" in files["study.json"].decode()


def test_the_card_says_what_every_column_is(hub: LocalHub, study: Study, store: Store) -> None:
    run("publish", "small", "--to", REPO, "--license", "cc-by-4.0")
    files = published(hub)
    _, head, text = files["README.md"].decode().split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["license"] == "cc-by-4.0"
    assert {one["data_files"] for one in metadata["configs"]} <= set(files)
    for name, codebook in CODEBOOK.items():
        assert pq.read_schema(io.BytesIO(files[f"data/{name}.parquet"])).names == list(codebook)
        assert all(f"| `{column}` | {meaning} |" in text for column, meaning in codebook.items())
    assert study.manifest.sha256 in text
    assert "Closed early" in text
    assert f'load_dataset("{REPO}", "trials"' in text
    assert "No people withdrew" in text


def test_nothing_in_it_leads_to_a_person(hub: LocalHub, study: Study, store: Store) -> None:
    run("publish", "small", "--to", REPO)
    content = b"".join(published(hub).values())
    keys = store.database.keys
    assert keys.secret.hex().encode() not in content
    assert store.today().encode() not in published(hub)["report/trials.csv"]
    for number in range(5):
        for secret in (f"panel-id-{number}", keys.panel_digest("small", f"panel-id-{number}")):
            assert secret.encode() not in content
    trials = pq.read_table(io.BytesIO(published(hub)["data/trials.parquet"])).to_pandas()
    assert (set(trials["refresh_hz"]), set(trials["pixel_ratio"])) == ({60.0}, {2.5})
    assert "day" not in TRIALS.names
    for rater in set(trials["rater"]):
        for secret in (keys.token(rater).split(".")[1], keys.withdrawal_code(rater)):
            assert secret.encode() not in content


def test_again_makes_no_commit_and_a_withdrawal_the_next(hub: LocalHub, study: Study, store: Store) -> None:
    run("publish", "small", "--to", REPO)
    before = len(hub.writes())
    assert "unchanged" in run("publish", "small", "--to", REPO).stdout
    assert hub.writes()[before:] == []
    rater = store.rows("small")[0]["rater"]
    said = run("withdraw", store.database.keys.withdrawal_code(rater)).stdout
    assert f"Published: colorhub study publish small --to {REPO} makes the next revision without." in said
    assert "Earlier revisions, copies that others made, and reports from them cannot be recalled." in said
    assert "The consent page promised removal from everything until 2020-01-31; that day has passed." in said
    assert rater.encode() in published(hub)["data/trials.parquet"]
    run("publish", "small", "--to", REPO)
    assert rater.encode() not in b"".join(published(hub).values())
    assert "1 person withdrew" in published(hub)["README.md"].decode()


def test_a_cut_connection_leaves_the_old_revision_whole(hub: LocalHub, study: Study, store: Store) -> None:
    run("publish", "small", "--to", REPO)
    old = published(hub)
    store.withdraw(store.database.keys.withdrawal_code(store.rows("small")[0]["rater"]))
    hub.faults = [Fault("PUT /lfs/", cut_after=100)]
    refused("connection to the Hub .* failed", "publish", "small", "--to", REPO)
    assert published(hub) == old
    hub.faults = [Fault("POST /api/datasets/.*/commit/", cut_after=100)]
    refused("connection to the Hub .* failed", "publish", "small", "--to", REPO)
    assert published(hub) == old


def test_what_it_is_not_published_into(hub: LocalHub, study: Study, store: Store, monkeypatch) -> None:
    hub.add("our-org/theirs", {"README.md": b"hello", "data/train.parquet": b"x"}, kind="dataset")
    refused(
        "exists already and holds a dataset that is no study of colorhub", "publish", "small", "--to", "our-org/theirs"
    )
    facts = json.dumps({"kind": "colorhub study", "name": "earlier", "manifest_sha256": "0"}).encode()
    hub.add("our-org/earlier", {"study.json": facts}, kind="dataset")
    refused("exists already and holds another study, earlier", "publish", "small", "--to", "our-org/earlier")
    monkeypatch.setenv("HF_TOKEN", "hf_stranger")
    refused("You cannot publish under our-org", "publish", "small", "--to", REPO)
    assert hub.writes() == []


def test_a_published_study_is_no_backup_and_a_backup_is_not_published(
    hub: LocalHub, study: Study, store: Store
) -> None:
    run("publish", "small", "--to", REPO)
    refused(f"The dataset {REPO} holds no backup", "restore", REPO)
    hub.add("owner/kept", {"backup.json": b"{}"}, kind="dataset", private=True)
    refused(
        "owner/kept exists already and holds no backup of colorhub studies", "publish", "small", "--to", "owner/kept"
    )


def test_not_before_the_day_until_which_all_can_be_withdrawn(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(withdraw_until="2999-12-31")
    store = opened(stored_study(move_to(tmp_path / "later", monkeypatch), config=config))
    token = store.begin("small").token
    answer(store, token)
    store.close("small")
    refused("promises that answers can be withdrawn completely until 2999-12-31: publish them after that day",
            "publish", "small", "--to", REPO)  # fmt: skip
    assert hub.writes() == []
    assert "removed from everything" not in run("withdraw", store.result(token)["withdrawal_code"]).stdout


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["realfake", "2afc"])
def test_datasets_reads_it(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    from datasets import load_dataset

    config = small_config().with_design(protocol=protocol)
    study = stored_study(move_to(tmp_path / "studies", monkeypatch), config=config)
    store = opened(study)
    for _ in range(3):
        answer(store, store.begin("small").token)
    store.close("small")
    run("publish", "small", "--to", REPO)
    for path, content in published(hub).items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(content)
    cache = str(tmp_path / "cache")
    trials = load_dataset(str(tmp_path / "copy"), "trials", split="train", cache_dir=cache)
    assert trials["answer"] == [row["answer"] for row in store.rows("small")]
    assert trials["side"] == [row["side"] for row in store.rows("small")]
    truth = load_dataset(str(tmp_path / "copy"), "stimuli", split="train", cache_dir=cache)
    assert set(truth["stimulus"]) == set(study.manifest.stimuli)
    assert load_dataset(str(tmp_path / "copy"), split="train", cache_dir=cache).column_names == trials.column_names


def test_a_private_release(hub: LocalHub, study: Study, store: Store) -> None:
    assert run("publish", "small", "--to", REPO, "--private").stdout.startswith(
        f"private dataset {REPO}: data of small"
    )
    assert hub.repositories["dataset", REPO].private
