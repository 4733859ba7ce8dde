"""What a page says of the daemon's state."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from hsid.observe.metrics import get_metrics_response
from hsid.observe.metrics.families import ACTOR_STATES, FAMILIES, collect
from hsid.observe.metrics.labels import MOST_CAMERAS
from hsid.observe.metrics.pages import Format, negotiate
from hsid.observe.metrics.state import ConsumerState, DiskState, GpuState
from supervision._core._state import Phase
from tests.unit.observe.states import build_ledger, build_node, build_queue, build_state

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def series(state, name):
    """Return the samples of *name*: the labels' values, and the number."""
    return {
        tuple(sample.labels.values()): sample.value
        for metric in collect(state)
        for sample in metric.samples
        if sample.name == name
    }


def names(state):
    return {sample.name for metric in collect(state) for sample in metric.samples}


def everything():
    """Return a state that has something to say on every metric."""
    gpu = GpuState("GPU-1", "A card", True, 0.5, 1, 2, 60.0, 70.5)
    return build_state(
        tree=build_node(children=(build_node("root/pipeline", "ready"),)),
        queues=(build_queue(), build_queue("analysis_queue")),
        consumers=(ConsumerState("detection_queue", (("committed", 7),)),),
        dependencies=(("database", True),),
        ledger=build_ledger(last_uploads=(("gate", NOON),)),
        disks=(DiskState("data", 100, 10),),
        gpus=(gpu,),
    )


def test_every_metric_finds_its_number():
    """None is named that nothing fills."""
    assert names(everything()) == {family.name for family in FAMILIES}


def test_what_could_not_be_had_is_missing_and_not_0():
    """A database that is away has no uploads to tell of, rather than none."""
    missing = names(everything()) - names(build_state())

    assert missing >= {"hsi_uploads_arrived_total", "hsi_queue_depth", "hsi_disk_free_bytes"}
    assert "hsi_healthy" in names(build_state())


def test_uploads_add_up():
    """Arrived is what ended and what is pending, as the ledger promises."""
    state = everything()
    ends = series(state, "hsi_uploads_ended_total")
    (arrived,) = series(state, "hsi_uploads_arrived_total").values()
    (pending,) = series(state, "hsi_uploads_pending").values()

    assert arrived == sum(ends.values()) + pending
    assert ends["refused", "corrupt"] == 2
    assert ends["dead", ""] == 0


def test_the_seeds_names_of_the_queues_have_their_depth():
    """All that is not done, in a handler or not; NaN once the queue is out of reach."""
    page = get_metrics_response(state=everything()).content
    assert b"hsi_detection_queue_depth 6.0\n" in page
    assert b"hsi_analysis_queue_depth 6.0\n" in page

    away = get_metrics_response(state=build_state(queues=(build_queue(),))).content
    assert b"hsi_detection_queue_depth 6.0\n" in away
    assert b"hsi_analysis_queue_depth NaN\n" in away


def test_an_actor_is_in_one_state():
    """By its path below the root, as hsictl calls it."""
    tree = build_node(children=(build_node("root/pipeline/watcher", "parked", restarts=3),))
    states = series(build_state(tree=tree), "hsi_actor_state")

    assert sum(states.values()) == 1
    assert states["pipeline/watcher", "parked"] == 1
    assert series(build_state(tree=tree), "hsi_actor_restarts_total") == {("pipeline/watcher",): 3}


def test_the_states_are_those_of_the_supervisors():
    """A phase that is new there is no gap here."""
    assert set(ACTOR_STATES) == {phase.value for phase in Phase}


def test_a_card_tells_only_what_it_knows():
    """A lost one is down, and has no figures of long ago."""
    lost = build_state(gpus=(GpuState("GPU-1", "A card", False),))

    assert series(lost, "hsi_gpu_up") == {("GPU-1",): 0}
    assert "hsi_gpu_temperature_celsius" not in names(lost)


def test_cameras_beyond_the_limit_share_a_series_with_the_latest_of_them():
    """50,000 folders are no 50,000 series."""
    moments = tuple((f"c{n}", NOON.replace(second=n % 60)) for n in range(50_000))
    last = series(
        build_state(ledger=build_ledger(last_uploads=moments)),
        "hsi_camera_last_upload_timestamp_seconds",
    )

    assert len(last) <= MOST_CAMERAS + 1
    assert last[("other",)] == NOON.replace(second=59).timestamp()


@given(st.text(max_size=30))
def test_every_page_can_be_read_whatever_things_are_called(name):
    """Quotes, backslashes, newlines: a strict parser gets the very name back."""
    state = build_state(gpus=(GpuState("0", name, True),))
    shown = name.encode("utf-8", "backslashreplace").decode()
    for parse, accept in ((parse_text, None), (parse_openmetrics, OPENMETRICS)):
        text = get_metrics_response(accept, state).content.decode()
        families = {family.name: family for family in parse(text)}
        (card,) = families.get("hsi_gpu", families.get("hsi_gpu_info")).samples

        assert card.labels["name"] == shown


@pytest.mark.parametrize("accept", [None, OPENMETRICS])
def test_each_metric_is_explained_once(accept):
    """A second HELP or TYPE for one name makes a scraper drop the page."""
    lines = get_metrics_response(accept, everything()).content.decode().splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]

    assert len(types) == len(set(types)) > 50


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Format.TEXT),
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("text/plain;q=0.3, Application/OpenMetrics-Text;version=1.0.0;q=0.5", Format.OPENMETRICS),
        ("application/openmetrics-text;version=nonsense", Format.OPENMETRICS),
        ("application/openmetrics-text; q=0, text/plain", Format.TEXT),
        (",;,=;q", Format.TEXT),
    ],
)
def test_the_format_is_the_one_that_was_asked_for(accept, expected):
    """Plain text for whoever does not name OpenMetrics."""
    assert negotiate(accept) is expected
    assert get_metrics_response(accept).content_type == expected.value
