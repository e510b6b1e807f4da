"""The file of results, and the page made of it."""

import json

from bench.comparisons import Comparison, Side, judge
from bench.figures_page import excerpt, filled, page
from bench.results import Measured, Results, gathered, newest, save

ABOUT = {"sizes": "quick", "machine": {"cores": 2}, "versions": {"rq": "2"}, "servers": {"fsync": "on"}}
SAMPLES = {"ours": {"rate": [8.0, 10.0, 9.0]}, "theirs": {"rate": [1.0, 1.0, 1.0]}}


def results(**titles):
    """Results of measurements by name and title."""
    verdicts = judge([Comparison("x theirs", Side("ours", "rate"), 8, controls=(Side("theirs", "rate"),))], SAMPLES)
    measured = {
        name: Measured(title, {"calls": 4}, 3, SAMPLES, verdicts, {"gone": "no node"}) for name, title in titles.items()
    }
    return Results("2026-01-02", "abc", ABOUT, measured)


def test_every_value_is_kept_with_its_summary(tmp_path):
    """Whoever doubts a median finds the runs behind it."""
    document = json.loads(save(results(drain="Drain"), tmp_path).read_text())

    assert document["measurements"]["drain"]["arms"]["ours"]["rate"] == {
        "median": 9.0, "least": 8.0, "greatest": 10.0, "values": [8.0, 10.0, 9.0],
    }  # fmt: skip
    assert document["measurements"]["drain"]["claims"][0]["is_met"] is True
    assert document["machine"] == {"cores": 2}


def test_a_second_run_of_the_day_adds_to_the_file(tmp_path):
    """A measurement that is run again replaces its own figures and no others."""
    save(results(drain="old", ingest="Ingest"), tmp_path)
    path = save(results(drain="new"), tmp_path)

    titles = {name: part["title"] for name, part in json.loads(path.read_text())["measurements"].items()}
    assert titles == {"drain": "new", "ingest": "Ingest"}
    assert path.name == "2026-01-02-abc.json"


def test_the_newest_results_are_found_by_name(tmp_path):
    """The name begins with the date; without a file there is none."""
    assert newest(tmp_path) is None
    for name in ("2026-01-02-abc.json", "2025-12-31-def.json"):
        (tmp_path / name).touch()

    assert newest(tmp_path) == tmp_path / "2026-01-02-abc.json"


def test_the_page_shows_claims_arms_and_what_was_skipped(tmp_path):
    """Everything that the file tells of is in the Markdown."""
    text = page(json.loads(save(results(drain="Drain"), tmp_path).read_text()))

    assert "| x theirs | 9 (8 to 10) | ≥ 8 | met | theirs |" in text
    assert "| ours | 9 (8 to 10) |" in text
    assert "Skipped: gone (no node)." in text


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    """The words around the figures are a person's; filling twice changes nothing."""
    measured = json.loads(save(results(drain="Drain"), tmp_path).read_text())["measurements"]["drain"]
    before = "Words.\n\n<!-- drain -->\nold\n<!-- /drain -->\n\nMore.\n"

    after = filled(before, "drain", excerpt("drain", measured))

    assert after.startswith("Words.\n\n<!-- drain -->\n\n![Drain](performance/drain.svg)\n")
    assert after.endswith("<!-- /drain -->\n\nMore.\n")
    assert "old" not in after
    assert filled(after, "drain", excerpt("drain", measured)) == after


def test_a_page_without_the_marks_stays_as_it_is():
    """A measurement that the page does not speak of is left out."""
    assert filled("Words.\n", "drain", "figures") == "Words.\n"


def test_of_several_files_the_last_that_has_a_measurement_counts():
    """Each measurement is that of the last file with it, and tells its commit."""
    first = {"commit": "a", "measurements": {"drain": {"settings": {}}, "ingest": {"settings": {}}}}
    second = {"commit": "b", "measurements": {"drain": {"settings": {"calls": 1}}}}
    measurements = gathered([first, second])["measurements"]
    assert measurements == {
        "drain": {"settings": {"commit": "b", "calls": 1}},
        "ingest": {"settings": {"commit": "a"}},
    }
