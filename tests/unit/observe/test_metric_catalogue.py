"""The reference, the rules and the dashboard speak of the metrics that there are."""

import json
import re
from pathlib import Path

import pytest

from hsid.observe.metrics.catalogue import HEADING, catalogue, reference
from hsid.observe.metrics.instruments import INSTRUMENTS, REGISTRY
from hsid.observe.metrics.labels import MOST_CAMERAS

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "hsid.json"

SEEDS = {
    "hsi_detection_queue_depth": "gauge",
    "hsi_analysis_queue_depth": "gauge",
    "hsi_stage_duration_seconds": "histogram",
    "hsi_ai_request_duration_seconds": "histogram",
    "hsi_events_created_total": "counter",
    "hsi_detections_processed_total": "counter",
    "hsi_pipeline_errors_total": "counter",
}
OWN_NAME = re.compile(r"(?<![\w:])hsi_\w+")
"""A metric's name, unless it is part of a recording rule's, which has colons."""
RECORDED = re.compile(r"\w+:hsi_\w+:\w+")


def known():
    """Return all names that may be spoken of: those of the metrics, and of their series."""
    return {name for each in catalogue() for name in (each.name, *each.series)}


def asked_for():
    """Return all names of series that exist: what a question may be about."""
    return {name for each in catalogue() for name in each.series}


def panels():
    """Yield each panel of the dashboard that asks for something, with its questions."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel["title"], [target["expr"] for target in panel["targets"]]


def test_the_seeds_names_are_exact():
    """And of the type that they always had."""
    assert {each.name: each.kind for each in catalogue() if each.name in SEEDS} == SEEDS


def test_nothing_is_on_a_page_that_the_reference_does_not_know():
    """A new instrument is listed, or this fails."""
    shown = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("hsi_")}
    listed = {metric.name for each in INSTRUMENTS for metric in each.describe()}

    assert shown == listed


def test_every_name_follows_the_rules():
    """One prefix, base units, and `_total` for what only grows."""
    for each in catalogue():
        assert re.fullmatch(r"hsi_[a-z_]+", each.name)
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert not re.search(r"(percent|_ms|_mb|minutes)", each.name)
        assert each.help.endswith((".", ")."))


def test_the_page_of_documentation_is_current():
    """`make reference` writes it anew."""
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    introduction, _, _ = page.partition(HEADING)

    assert page == introduction + reference(catalogue())
    assert f"the first {MOST_CAMERAS} others" in introduction


@pytest.mark.parametrize("path", sorted(PROMETHEUS.glob("hsid.*.yml")), ids=lambda path: path.name)
def test_rules_name_metrics_that_exist(path):
    """So do the series in their tests."""
    names = set(OWN_NAME.findall(path.read_text("utf-8")))

    assert names
    assert names <= known()


def test_the_dashboard_names_metrics_that_exist():
    """Each panel asks for some."""
    for title, questions in panels():
        named = {name for question in questions for name in OWN_NAME.findall(question)}
        assert named <= asked_for(), title
        assert named or any("process_" in question for question in questions), title


def test_every_metric_has_a_place_in_rules_or_dashboard():
    """One that nobody looks at is not worth its series; but two are the seeds' own."""
    text = "".join(path.read_text("utf-8") for path in (*PROMETHEUS.glob("*.yml"), DASHBOARD))
    seen = set(OWN_NAME.findall(text))
    unseen = {each.name for each in catalogue() if not seen & set(each.series)}

    assert unseen == {"hsi_detection_queue_depth", "hsi_analysis_queue_depth", "hsi_gpu_info"}


def test_what_alerts_ask_of_recording_rules_is_recorded():
    """A slip in such a name would silence the alert for good."""
    rules = (PROMETHEUS / "hsid.rules.yml").read_text("utf-8")
    recorded = set(re.findall(r"record: (\S+)", rules))
    asked = set(RECORDED.findall((PROMETHEUS / "hsid.alerts.yml").read_text("utf-8")))

    assert asked
    assert asked <= recorded


def test_every_alert_is_tested():
    """And tells what to do."""
    alerts = set(re.findall(r"alert: (\S+)", (PROMETHEUS / "hsid.alerts.yml").read_text("utf-8")))
    tests = (PROMETHEUS / "hsid.alerts_test.yml").read_text("utf-8")

    assert alerts == set(re.findall(r"alertname: (\w+)\n", tests))
    assert alerts == set(re.findall(r"alertname: (\w+), exp_alerts: \[\]", tests))
