"""What the crash proof sees of queues on a Redis server while no daemon runs."""

import pytest
import redis

from benchmarks._crash_queues import open_queues
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.queues.protocol import Entry
from hsid.queues.redis.entries import RedisEntries


@pytest.fixture
def queues(tmp_path):
    with open_queues("redis", tmp_path) as opened:
        yield opened


def entries_of(name, queues):
    prefix = queues.settings["redis_key_prefix"]
    return RedisEntries(name, prefix=prefix, consumer="a daemon", capacity=9)


def test_entries_that_a_daemon_has_left_on_the_server_are_counted(queues):
    """The queues are looked at under the prefix that the daemon is told to use."""
    with queues.server.admin() as client:
        for name in (DETECTION_QUEUE, ANALYSIS_QUEUE):
            entries_of(name, queues).mend_in(client)
        entries_of(DETECTION_QUEUE, queues).put_in(client, [Entry("1", {}), Entry("2", {})])

    assert [one.ready for one in queues.stats(None)] == [2, 0]


def test_a_daemon_whose_queues_are_elsewhere_is_found_out(queues):
    """Counting nothing would pass for an empty queue, so it is an error."""
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        queues.stats(None)
