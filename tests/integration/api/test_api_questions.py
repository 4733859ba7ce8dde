"""What the API answers, asked through the real server on a real socket."""

import pytest

from hsid.api.asking import EventFilter, EventListing
from tests.integration.api.conftest import client_of, running


async def test_the_status_is_answered_with_its_schema(house, path):
    """`/v1/status` gives accounting, queues and actors in one document."""
    async with running(house, path), client_of(path) as client:
        document = (await client.get("/v1/status")).json()

    assert document["uploads"]["arrived"] == 9
    assert document["queues"][0]["name"] == "detection_queue"
    assert document["actors"][0]["path"] == "pipeline/watcher"


async def test_events_come_latest_first_and_in_pages(house, path):
    """*limit* and *before* cut the list of events."""
    async with running(house, path), client_of(path) as client:
        first = (await client.get("/v1/events", params={"limit": 1})).json()
        second = (await client.get("/v1/events", params={"before": 2})).json()

    assert [event["event_id"] for event in first["events"]] == [2]
    assert [event["event_id"] for event in second["events"]] == [1]


async def test_filters_reach_the_house(house, path):
    """All of them, for the list and for the counts alike."""
    asked = {
        "camera": "gate",
        "level": "high",
        "label": "person",
        "since": "2025-03-04T02:13:00Z",
        "until": "2025-03-05T02:13:00+01:00",
        "state": "provisional",
        "starred": True,
        "q": 'cat OR "dog',
    }
    async with running(house, path), client_of(path) as client:
        listed = await client.get("/v1/events", params=asked | {"limit": 9, "before": 2})
        counted = await client.get("/v1/events/stats", params=asked)

    assert (listed.status_code, counted.json()["by_hour"]) == (200, {"2": 1})
    assert house.listings == [
        EventListing(**asked, limit=9, before=2),
        EventFilter(**asked),
    ]


async def test_a_refusal_says_which_parameter_is_wrong_and_what_it_may_be(house, path):
    """The words are enough to mend it."""
    async with running(house, path), client_of(path) as client:
        level = (await client.get("/v1/events?level=dire")).json()["detail"]
        span = (await client.get("/v1/events?since=2025-03-04Z&until=2025-03-04Z")).json()["detail"]

    assert level == "level: Input should be 'low', 'medium', 'high' or 'critical'"
    assert span.startswith("since: ")


async def test_one_event_is_answered_with_its_detections(house, path):
    """`/v1/events/{id}` adds what was seen."""
    async with running(house, path), client_of(path) as client:
        event = (await client.get("/v1/events/1")).json()

    assert event["detections"][0]["label"] == "person"
    assert event["started_at"] == "2025-03-04T02:13:00Z"


@pytest.mark.parametrize(
    ("target", "status", "slug"),
    [
        ("/v1/events/99", 404, "no-such-event"),
        ("/v1/events/0", 422, "invalid-parameter"),
        ("/v1/events/cat", 422, "invalid-parameter"),
        (f"/v1/events/{2**63}", 422, "invalid-parameter"),
        ("/v1/events?limit=0", 422, "invalid-parameter"),
        ("/v1/events?limit=1000000", 422, "invalid-parameter"),
        ("/v1/events?before=99", 404, "no-such-event"),
        ("/v1/events?level=dire", 422, "invalid-parameter"),
        ("/v1/events?levels=high", 422, "invalid-parameter"),
        ("/v1/events?since=2025-03-04T02:13:00", 422, "invalid-parameter"),
        ("/v1/events?since=2025-03-04T02:00Z&until=2025-03-04T02:00Z", 422, "invalid-parameter"),
        ("/v1/events?q=", 422, "invalid-parameter"),
        ("/v1/events/stats?limit=5", 422, "invalid-parameter"),
        ("/v1/nothing", 404, "not-found"),
        ("/docs", 404, "not-found"),
    ],
)
async def test_every_error_is_a_problem_with_a_hint(house, path, target, status, slug):
    """An error has the media type, the stable type and the hint of RFC 9457."""
    async with running(house, path), client_of(path) as client:
        response = await client.get(target)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:hsid:problem:{slug}"
    assert response.json()["hint"]


async def test_a_star_is_given_and_taken_and_twice_is_as_good_as_once(house, path):
    """The answer says how it is now, and whether that is news."""
    async with running(house, path), client_of(path) as client:
        answers = [
            (await client.request(method, "/v1/events/1/star")).json()
            for method in ("POST", "POST", "DELETE", "DELETE")
        ]
        missing = await client.post("/v1/events/99/star")

    assert [(each["starred"], each["changed"]) for each in answers] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert missing.status_code == 404
    assert missing.json()["type"] == "urn:hsid:problem:no-such-event"


async def test_a_method_that_changes_things_is_refused_where_nothing_can_be_changed(house, path):
    """POST is answered with 405 and what is allowed."""
    async with running(house, path), client_of(path) as client:
        response = await client.post("/v1/status")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET"


async def test_an_unforeseen_error_is_logged_and_not_told(house, path, caplog):
    """The answer to a fault of ours holds nothing of its inside; the log does."""
    house.error = RuntimeError("secret path")
    async with running(house, path), client_of(path) as client:
        response = await client.get("/v1/status")

    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret path" in caplog.text


async def test_the_index_lists_every_route_of_the_openapi_document(house, path):
    """`/v1/` and `/v1/openapi.json` agree, and the latter describes errors as problems."""
    async with running(house, path), client_of(path) as client:
        index = (await client.get("/v1/")).json()
        openapi = (await client.get("/v1/openapi.json")).json()

    assert set(index["endpoints"]) == set(openapi["paths"])
    assert "/v1/events/{event_id}" in index["endpoints"]
    assert "HTTPValidationError" not in str(openapi["paths"])
