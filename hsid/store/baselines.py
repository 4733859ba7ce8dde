"""What each camera sees in which hour of the week: counts that grow with the first verdicts.

One batch counts once for each class in it, however many pictures it has and however often it is
judged: `not_counted` and `count` belong into the transaction of the verdict, before and after it.
Nothing here is ever counted down: retention may delete the batches that were counted.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.dialects.postgresql import insert

from hsid.model import Baseline, HourOfWeek, UploadState
from hsid.store.schema import baseline_weeks, baselines, batches, detections, uploads

_ADD = insert(baselines).values(
    camera_id=bindparam("camera_id"),
    label=bindparam("label"),
    hour=bindparam("hour"),
    times=1,
    latest_week=bindparam("week"),
    times_latest_week=1,
)
_IN_ITS_LATEST_WEEK = {
    "times_latest_week": case(
        (_ADD.excluded.latest_week > baselines.c.latest_week, 1),
        (
            _ADD.excluded.latest_week == baselines.c.latest_week,
            baselines.c.times_latest_week + 1,
        ),
        else_=baselines.c.times_latest_week,
    ),
    "latest_week": case(
        (_ADD.excluded.latest_week > baselines.c.latest_week, _ADD.excluded.latest_week),
        else_=baselines.c.latest_week,
    ),
}
_ADD = _ADD.on_conflict_do_update(
    index_elements=["camera_id", "label", "hour"],
    set_={"times": baselines.c.times + 1, **_IN_ITS_LATEST_WEEK},
)
_ADD_WEEK = (
    insert(baseline_weeks)
    .values(camera_id=bindparam("camera_id"), week=bindparam("week"))
    .on_conflict_do_nothing()
)


def not_counted(conn: Connection, batch_id: str, upload_ids: Collection[int]) -> set[str]:
    """Return the classes in the uploads *upload_ids* that no verdict on the batch has counted yet.

    Those of uploads that had their verdict were counted with it. Whoever else judges the batch at
    this moment is waited for; SQLite has one writer, and no such lock.
    """
    of_batch = batches.c.id == batch_id
    conn.execute(select(batches.c.id).where(of_batch).with_for_update(key_share=True))
    rows = conn.execute(
        select(detections.c.label, uploads.c.id, uploads.c.state)
        .join_from(detections, uploads, detections.c.upload_id == uploads.c.id)
        .where(detections.c.batch_id == batch_id)
        .distinct()
    ).all()
    counted = {label for label, _, state in rows if state == UploadState.ANALYSED}
    waiting = {
        label
        for label, upload_id, state in rows
        if state == UploadState.DETECTED and upload_id in upload_ids
    }
    return waiting - counted


def count(conn: Connection, camera_id: str, labels: Collection[str], hour: HourOfWeek) -> None:
    """Count a batch that began in *hour* for each of the classes *labels*."""
    if not labels:
        return
    at = {"camera_id": camera_id, "week": hour.week}
    conn.execute(_ADD_WEEK, at)
    conn.execute(_ADD, [at | {"label": label, "hour": hour.hour} for label in sorted(labels)])


def get(conn: Connection, camera_id: str, label: str, hour: HourOfWeek) -> Baseline:
    """Return what the camera saw of the class in this hour of the weeks before *hour*'s."""
    before = baselines.c.times - case(
        (baselines.c.latest_week == hour.week, baselines.c.times_latest_week), else_=0
    )
    key = {"camera_id": camera_id, "label": label, "hour": hour.hour}
    times = conn.scalar(select(before).filter_by(**key))
    weeks = conn.scalar(
        select(func.count())
        .select_from(baseline_weeks)
        .where(baseline_weeks.c.camera_id == camera_id, baseline_weeks.c.week < hour.week)
    )
    return Baseline(times=times or 0, weeks=weeks or 0)
