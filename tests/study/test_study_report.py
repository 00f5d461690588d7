"""The report of a study: its figures are the analysis's, others can read its files, its words warn where they must."""

import csv
import hashlib
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import typed
from scipy import stats
from study_commands import move_to
from study_parts import small_manifest, vote_all
from study_tables import MODELS, make_study, manifest_of, study_table

from colorhub.study.design.manifest import write_manifest
from colorhub.study.report import plots, reproduce
from colorhub.study.report.data import flow_of
from colorhub.study.report.document import Heading, Paragraph, Table, to_fragment, to_markdown
from colorhub.study.report.report import SCRIPT, Ending, StudyReport, make_report, write_report
from colorhub.study.report.sections import comparison_sentence
from colorhub.study.statistics.table import ORIGINAL
from colorhub.study.store.database import Database
from colorhub.study.store.store import Store


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return make_report(manifest_of().data, study_table(), Ending("2030-02-01"), draws=500)


@pytest.fixture(scope="module")
def folder(report: StudyReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report")
    write_report(report, target)
    return target


class Page(HTMLParser):
    """Text, and the tags that are there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_page_and_markdown_hold_the_figures(report: StudyReport, folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    for result in report.kept.results:
        low, high = (100 * end for end in result.interval)
        for text in (page.words, markdown):
            assert f"{100 * result.realness.value:.1f} %" in text
            assert f"{low:.1f} to {high:.1f} %" in text
    assert "It ended on 2030-02-01." in page.words
    assert manifest_of().sha256 in page.words


def test_names_are_text_and_never_tags(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "b" not in Page(text).tags
    assert MODELS[1] in Page(text).words
    assert "unet-\\<b\\>gan" in (folder / "report.md").read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    text = (folder / "report.html").read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text


def test_plots_are_svg_with_words_for_screen_readers(folder: Path) -> None:
    found = sorted(path.stem for path in (folder / "plots").iterdir())
    assert found == ["flow", "images", "realness", "times"]
    for path in (folder / "plots").iterdir():
        root = ElementTree.parse(path).getroot()
        tags = {child.tag.rpartition("}")[2]: child for child in root}
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{tags['title'].get('id')} {tags['desc'].get('id')}"
        assert tags["desc"].text
        assert "prefers-color-scheme:dark" in (tags["style"].text or "")


def test_the_interval_is_drawn_where_it_is() -> None:
    svg = ElementTree.fromstring(
        plots.intervals("Title", [plots.Interval("model", 50.0, 25.0, 100.0)], 75.0, "originals")
    )
    circle = next(child for child in svg if child.tag.endswith("circle"))
    line = next(child for child in svg if child.get("class") == "p-data" and child.tag.endswith("path"))
    left, right = plots.LEFT, plots.RIGHT
    assert float(circle.get("cx") or 0) == (left + right) / 2
    start = float((line.get("d") or "").split()[0].removeprefix("M"))
    assert start == left + (right - left) / 4


def test_tables_can_be_read_by_others(report: StudyReport, folder: Path) -> None:
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if row["figure"] == "realness" and row["first"] == ORIGINAL)
    kept = report.kept.result(ORIGINAL)
    assert float(row["value"]) == pytest.approx(kept.realness.value)
    assert float(row["low"]) == pytest.approx(kept.interval[0])
    assert {row["analysis"] for row in rows} == {"with exclusions", "all trials"}
    images = pd.read_csv(folder / "images.csv")
    assert images["votes"].sum() == report.kept.votes
    assert images[images["model"] == ORIGINAL]["real"].sum() == kept.real
    assert len(pd.read_csv(folder / "trials.csv")) == len(study_table())


def test_the_script_lies_beside_the_trials(folder: Path) -> None:
    digest = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (SCRIPT, folder / "analysis.R")]
    assert digest[0] == digest[1]


def test_same_votes_same_report() -> None:
    first, again = (make_report(manifest_of().data, study_table(), draws=100, mixed=False) for _ in range(2))
    assert again.blocks == first.blocks


def test_a_demonstration_and_an_early_end_are_said_first() -> None:
    early = make_report(manifest_of().data, study_table(), Ending("2030-01-05", early=True), draws=100, mixed=False)
    first = to_fragment(early.blocks[:2])
    assert "Demonstration, not evidence" in first
    assert "Closed early, on 2030-01-05" in first
    real = make_report(manifest_of(demonstration=False).data, study_table(), draws=100, mixed=False)
    assert "Demonstration" not in to_fragment(real.blocks)
    assert "early" not in to_fragment(real.blocks)


def test_both_analyses_are_shown(report: StudyReport) -> None:
    text = to_fragment(report.blocks)
    assert report.kept.votes < report.everything.votes
    for analysis in (report.kept, report.everything):
        assert f"{100 * analysis.result(ORIGINAL).realness.value:.1f} %" in text
    whole = study_table().assign(excluded="")
    assert "there is one analysis" in to_fragment(make_report(manifest_of().data, whole, draws=100, mixed=False).blocks)


def test_flow_counts_every_vote() -> None:
    table = study_table()
    flow = flow_of(table)
    trials = table[table["kind"] == "trial"]
    by_rule = trials["excluded"].value_counts()
    assert flow[0] == (f"{len(table)} votes, 40 raters", ["practice items: 120 votes", "attention items: 80 votes"])
    assert flow[1][0] == "trials: 1200 votes, 40 raters"
    assert flow[1][1][0] == f"excluded, attention: {by_rule['attention']} votes, 1 rater"
    assert flow[2][0] == f"analysed: {by_rule['']} votes, 39 raters"


def test_the_preregistered_comparison_is_put_into_words(report: StudyReport) -> None:
    primary = report.kept.primary
    assert primary is not None
    sentence = comparison_sentence(primary)
    low, high = (100 * end for end in primary.difference.interval())
    assert f"{abs(100 * primary.difference.value):.1f} points" in sentence
    assert f"{low:+.1f} to {high:+.1f}" in sentence
    assert ("not shown to be equivalent" in sentence) == (not primary.equivalent)
    assert sentence in " ".join(block.text for block in report.blocks if isinstance(block, Paragraph))


def test_pairs_have_half_as_their_ceiling() -> None:
    report = make_report(manifest_of("2afc").data, study_table("2afc"), draws=200, mixed=False)
    text = to_markdown(report.title, report.blocks)
    assert "minus one half" in text
    assert "Side bias" in text
    assert "criterion" not in next(block for block in report.blocks if isinstance(block, Table)).columns


@pytest.mark.parametrize("raters", [0, 1])
def test_a_study_of_nobody_and_of_one_rater_has_a_report(raters: int, tmp_path: Path) -> None:
    table = study_table()
    table = table[table["rater"].isin([f"r{number:03}" for number in range(raters)])]
    report = make_report(manifest_of().data, table, draws=100)
    write_report(report, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ("One rater or one image alone" if raters else "There are no votes") in text
    assert "nan" not in Page(text).words


def test_a_study_that_lost_all_raters_to_its_rules_says_so(studies: Path) -> None:
    """Four raters miss every attention item: the command and the page say where their votes went."""
    manifest = small_manifest()
    (studies / manifest.name).mkdir()
    write_manifest(manifest, studies / manifest.name)
    store = Store(Database())
    store.add(manifest)
    for _ in range(4):
        vote_all(store, store.begin(manifest.name).token, answer="real")
    votes = sum(row["kind"] == "trial" for row in store.rows(manifest.name))
    store.close(manifest.name, "enough")
    store.database.close()
    done = typed("study", "report", manifest.name, "--no-mixed", "--draws", "200", code=0)
    assert "No vote counts" in done.stdout
    page = (studies / manifest.name / "report" / "report.html").read_text(encoding="utf-8")
    assert f"All {votes} were left out by the exclusions" in page


def test_markdown_takes_nothing_for_its_own() -> None:
    text = to_markdown("a|b", [Heading("*x*"), Table("c", ["", "d|e"], [["[f](g)", "h"]])])
    assert "# a\\|b" in text
    assert "\\*x\\*" in text
    assert "| \\[f\\](g) | h |" in text


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_to(tmp_path, monkeypatch)


def test_the_command_reports_a_study_once_it_is_closed(studies: Path) -> None:
    """Five raters vote into a real database; three of them call everything real."""
    manifest = small_manifest()
    folder = studies / manifest.name
    folder.mkdir()
    write_manifest(manifest, folder)
    store = Store(Database())
    store.add(manifest)
    for number in range(5):
        vote_all(store, store.begin(manifest.name).token, **({} if number % 2 else {"answer": "real"}))
    command = ["study", "report", manifest.name, "--no-mixed", "--draws", "200"]
    refused = typed(*command, code=1)
    assert "still open" in refused.stderr
    assert not (folder / "report").exists()
    store.close(manifest.name, "enough")
    rows = [row for row in store.rows(manifest.name) if row["kind"] == "trial"]
    store.database.close()
    typed(*command, code=0)
    text = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "before its preregistered end (enough)" in text
    results = pd.read_csv(folder / "report" / "results.csv").set_index(["analysis", "figure", "first"])
    for name in ("one", "two", ORIGINAL):
        answers = [row["answer"] for row in rows if row["model"] == name]
        found = results.loc[("all trials", "realness", name)]
        assert (found["votes"], found["real"]) == (len(answers), answers.count("real"))


def test_the_command_reports_published_trials(studies: Path) -> None:
    folder = make_study(studies)
    command = ["study", "report", "demo", "--no-mixed", "--draws", "200", "--trials", str(folder / "trials.csv")]
    done = typed(*command, "--output", studies / "elsewhere", code=0)
    assert (studies / "elsewhere" / "report.html").is_file()
    assert "originals" in done.stdout


def test_the_command_refuses_what_is_no_study(studies: Path) -> None:
    folder = make_study(studies)
    command = ["study", "report", "demo", "--trials", str(folder / "trials.csv")]

    def refused(reason: str, words: list[str] = command) -> bool:
        done = typed(*words)
        return done.exit_code == 1 and reason in done.stderr and not (folder / "report").exists()

    assert refused("did you mean", ["study", "report", "demmo"])
    table = study_table().assign(study="another")
    table.to_csv(folder / "trials.csv", index=False)
    assert refused("of the study 'another'")
    (folder / "trials.csv").write_text("rater,image\n1,2\n", encoding="utf-8")
    assert refused("lacks the columns")
    (folder / "trials.csv").unlink()
    assert refused("does not exist")
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(text.replace('"seed":7', '"seed":8'), encoding="utf-8")
    assert refused("was changed")


def test_report_004_is_reproduced_to_the_last_printed_digit() -> None:
    done = typed("study", "reproduce-004", code=0)
    assert "p = 0.4930984" in done.stdout
    assert "difference +2.7 points, 95 % interval -17.4 to +22.7, p = 0.78" in done.stdout
    for name, hits in (reproduce.COLORED | reproduce.ORIGINALS).items():
        row = next(line.split() for line in done.stdout.splitlines() if line.startswith(name + " "))
        assert (row[3], row[5]) == (str(hits), f"{100 * hits / 60:.2f}")


def test_report_004_by_other_means() -> None:
    """Its pooled t-test written out; Welch's interval and the two one-sided tests from their formulas."""
    ours, earlier = reproduce.realness_of_pictures(), np.array(reproduce.EARLIER)
    pooled = np.sqrt((59 * (ours.std(ddof=1) / 100) ** 2 + 39 * 0.2236**2) / 98)
    t = (ours.mean() / 100 - 0.458) / (pooled * np.sqrt(1 / 60 + 1 / 40))
    assert reproduce.report_p_value() == pytest.approx(2 * stats.t.sf(t, 98), abs=1e-12)
    right = reproduce.corrected()
    variances = np.array([ours.var(ddof=1) / 9, earlier.var(ddof=1) / 9])
    degrees = variances.sum() ** 2 / (variances**2 / 8).sum()
    error = np.sqrt(variances.sum())
    assert right.low == pytest.approx(right.difference - stats.t.ppf(0.975, degrees) * error)
    for margin, p_value in right.equivalence.items():
        assert p_value == pytest.approx(stats.t.sf((margin - right.difference) / error, degrees))
    assert [round(p, 2) for p in right.equivalence.values()] == [0.40, 0.22, 0.10, 0.04]
    assert reproduce.detection() == pytest.approx((0.47, -0.20), abs=0.005)
