"""What dead letters were about, made due again in the ledger.

An upload whose entry died is dead as well, and its handler would pass over it. So whoever puts the
entry again revives the upload before: a crash in between leaves work to be done and a letter that
is out of date, never the reverse.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.messages import AnalysisJob, DetectionJob
from hsid.queues.protocol import Payload
from hsid.store import events, uploads


def revive(connection: Connection, queue: str, payloads: Iterable[Payload]) -> int:
    """Revive the uploads that dead entries of *queue* were about; return how many were dead."""
    upload_ids: set[int] = set()
    for payload in payloads:
        if queue == DETECTION_QUEUE:
            upload_ids.add(DetectionJob.from_payload(payload).upload_id)
        elif queue == ANALYSIS_QUEUE:
            batch_id = AnalysisJob.from_payload(payload).batch_id
            upload_ids.update(events.uploads_of(connection, batch_id))
    return len(uploads.revive(connection, upload_ids))
