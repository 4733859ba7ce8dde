"""The transaction of a sweep: what was chosen is looked at again, and goes if nothing changed."""

from sqlalchemy import Connection

from hsid.retention.work import Work
from hsid.retention_policy.decision import Plan, RowAction
from hsid.store import retention as stored


def delete_rows(conn: Connection, work: Work, plan: Plan) -> Work:
    """Delete what *work* names as far as it is still as it was; return what was done."""
    chosen = [each.case.batch_id for each in work.cases]
    now_stored = {rec.case.batch_id: rec.case for rec in stored.load_cases(conn, chosen)}
    cases = [each for each in work.cases if now_stored.get(each.case.batch_id) == each.case]
    stored.delete_cases(conn, [each.case.batch_id for each in cases])
    rows = [pair for each in cases for pair in each.rows] + list(work.rows)
    over = stored.without_detections(conn, [row.id for row, _ in rows])
    done = Work(tuple(cases), work.rows).only(over)
    changed = list(done.all_rows())
    stored.forget(conn, [row.id for row, action in changed if action is RowAction.FORGET])
    stored.strip(
        conn,
        [row.id for row, action in changed if action is not RowAction.FORGET],
        claimed_before=plan.now - plan.limits.repetitions_for,
    )
    return done
