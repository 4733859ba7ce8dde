"""Queues and dead letters over the socket: looked at, put again, deleted."""

from functools import partial

import pytest

from hsid.constants import DLQ_DETECTION_QUEUE
from hsid.messages import DetectionJob
from hsid.model import UploadState
from hsid.queues.protocol import Bury, Entry
from hsid.store import uploads
from tests.unit.store.records import arrival, receive


async def bury(house, count, error="boom"):
    """Have the entries of *count* uploads die, and the uploads with them; return their ids."""
    arrivals = [arrival(number) for number in range(count)]
    stored = await house.store.write(lambda conn: receive(conn, *arrivals))
    queue = house.queues[0]
    jobs = [DetectionJob(upload.id) for upload in stored]
    await queue.put([Entry(job.id, job.payload()) for job in jobs])
    leases = await queue.lease(count, duration=60)
    await queue.settle([Bury(lease, f"{error} {n}") for n, lease in enumerate(leases)])
    for job in jobs:
        await house.store.write(partial(uploads.bury, upload_id=job.upload_id, error=error))
    return [job.upload_id for job in jobs]


async def state_of(house, upload_id):
    return (await house.store.read(partial(uploads.get, upload_id=upload_id))).state


async def test_queues_are_counted_and_their_entries_shown(house):
    """Nothing is taken by looking."""
    await house.queues[0].put([Entry("a", {"n": 1}), Entry("b", {"n": 2})])
    async with house.served() as client:
        listed = (await client.get("/v1/queues")).json()["queues"]
        entries = (await client.get("/v1/queues/detection_queue/entries?limit=1")).json()
        one = (await client.get("/v1/queues/detection_queue")).json()

    assert [(each["name"], each["ready"]) for each in listed] == [
        ("detection_queue", 2),
        ("analysis_queue", 0),
    ]
    assert entries["entries"] == [{"id": "a", "priority": "normal", "payload": {"n": 1}}]
    assert (one["name"], one["ready"]) == ("detection_queue", 2)


async def test_dead_letters_are_listed_with_why_they_died(house):
    """The latest first, and how many there are; one is found by its id."""
    await bury(house, 3)
    async with house.served() as client:
        listed = (await client.get("/v1/dead-letters?limit=2")).json()
        one = (await client.get("/v1/dead-letters/detection_queue/upload:1")).json()

    assert (len(listed["letters"]), listed["total"]) == (2, 3)
    assert {each["queue"] for each in listed["letters"]} == {"detection_queue"}
    assert (one["id"], one["error"], one["letters"]) == (
        "upload:1",
        "boom 0",
        DLQ_DETECTION_QUEUE,
    )


async def test_requeueing_makes_the_uploads_due_again(house):
    """The entry is work again, the ledger says so, and everything still adds up."""
    first, second = await bury(house, 2)
    async with house.served() as client:
        url = f"/v1/dead-letters/{DLQ_DETECTION_QUEUE}/requeue"
        made = (await client.post(url, json={"ids": [f"upload:{first}"]})).json()

    accounting = await house.store.read(uploads.accounting)
    assert (made["ids"], made["revived"], made["left"]) == ([f"upload:{first}"], 1, 1)
    assert await state_of(house, first) is UploadState.RECEIVED
    assert await state_of(house, second) is UploadState.DEAD
    assert (accounting.dead, accounting.pending, accounting.is_balanced) == (1, 1, True)
    assert (await house.queues[0].stats()).ready == 1


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({"all": True}, 3),
        ({"all": True, "limit": 2}, 2),
        ({"reason": "boom 1"}, 1),
        ({"ids": ["upload:1", "upload:99"]}, 1),
        ({"ids": ["upload:1"], "reason": "boom 2"}, 0),
    ],
)
@pytest.mark.parametrize("verb", ["requeue", "clear"])
async def test_letters_are_chosen_by_id_by_reason_or_all(house, verb, choice, count):
    """A dry run names the same ones and changes nothing."""
    await bury(house, 3)
    url = f"/v1/dead-letters/detection_queue/{verb}"
    async with house.served() as client:
        would = (await client.post(url, json=choice | {"dry_run": True})).json()
        made = (await client.post(url, json=choice)).json()

    assert (len(would["ids"]), would["left"]) == (count, 3)
    assert (made["ids"], made["left"]) == (would["ids"], 3 - count)


async def test_deleted_letters_leave_their_uploads_dead(house):
    """Nothing is forgotten that the accounting needs."""
    (upload_id,) = await bury(house, 1)
    async with house.served() as client:
        await client.post("/v1/dead-letters/detection_queue/clear", json={"all": True})

    assert await state_of(house, upload_id) is UploadState.DEAD
    assert (await house.queues[0].stats()).dead == 0


async def test_only_what_was_changed_is_recorded(house):
    """Which letters were meant, and how many there were; a dry run is no change."""
    await bury(house, 2)
    url = "/v1/dead-letters/detection_queue/requeue"
    async with house.served() as client:
        await client.post(url, json={"all": True, "dry_run": True})
        await client.post(url, json={"ids": ["upload:1", "upload:2"]})

    (record,) = await house.changes()
    assert (record.action, record.target) == ("dlq.requeue", "detection_queue")
    assert (record.details["ids"], record.details["count"]) == ("upload:1, upload:2", 2)


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/v1/dead-letters/detection_queue/requeue", {}, 422),
        ("/v1/dead-letters/detection_queue/requeue", {"all": True, "limit": 0}, 422),
        ("/v1/dead-letters/detection_queue/clear", {"every": True}, 422),
        ("/v1/dead-letters/nowhere/clear", {"all": True}, 404),
    ],
)
async def test_an_unclear_choice_is_refused(house, target, body, status):
    """Nobody deletes everything by a slip."""
    async with house.served() as client:
        answer = await client.post(target, json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "target",
    ["/v1/queues/nowhere", "/v1/dead-letters?queue=no", "/v1/dead-letters/detection_queue/x"],
)
async def test_a_queue_or_letter_there_is_not_is_404(house, target):
    """With a hint where to look."""
    async with house.served() as client:
        answer = await client.get(target)

    assert answer.status_code == 404
    assert "hsictl" in answer.json()["hint"]
