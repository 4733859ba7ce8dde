"""The processes that the queue benchmark starts: `python -m benchmarks._queue_roles JOB`."""

import sys
from collections.abc import Awaitable, Callable, Mapping

import trio

from benchmarks import _queue_own as own
from benchmarks import _queue_raw as raw
from benchmarks._queue_job import Job, job_of

_RAW: Mapping[str, Callable[[Job], None]] = {
    "raw-produce": raw.produce,
    "raw-consume": raw.consume,
    "raw-embedded": raw.embedded,
}
_OWN: Mapping[str, Callable[[Job], Awaitable[None]]] = {
    "hsid-produce": own.produce_to_redis,
    "hsid-consume": own.consume_from_redis,
    "hsid-embedded": own.embedded,
}


def main() -> None:
    """Do the job."""
    job = job_of(sys.argv[1:])
    if job.role in _RAW:
        _RAW[job.role](job)
    else:
        trio.run(_OWN[job.role], job)


if __name__ == "__main__":
    main()
