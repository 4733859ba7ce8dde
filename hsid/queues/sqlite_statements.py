# ruff: noqa: S608 - the statements are put together from constants of this file alone
"""The statements of the SQLite queue (SQLite 3.35 or newer: RETURNING).

What an entry was before it was requeued stands in its last_error, as nobody asks for that error of
one that is alive; what a dead letter says stands in lines: error, origin, traceback.

They are written out because the planner must find the partial indexes: an entry is in exactly one
of them, by `due IS NULL` or `due IS NOT NULL`. A list to choose from comes as one JSON array.
"""

# An entry is named by its id and fenced by the token of its lease.
_LEASED = "queue = :queue AND id = :id AND token = :token"
_READY = "queue = :queue AND due IS NULL"
_OLDEST = f"""
    SELECT seq FROM queue_entries WHERE {_READY} ORDER BY rank DESC, seq LIMIT :limit
"""

DEPTH = "SELECT count(*) FROM queue_entries WHERE queue = :queue"

HELD = """
    SELECT id FROM queue_entries
    WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids))
"""

PUT = """
    INSERT INTO queue_entries (queue, id, payload, rank, enqueued_at)
    VALUES (:queue, :id, :payload, :rank, :now)
    ON CONFLICT (queue, id) DO NOTHING
"""

# Retries whose time has come, and leases that nobody has extended: those are redelivered.
WAKE_DUE = """
    UPDATE queue_entries
    SET due = NULL, token = NULL,
        rank = CASE WHEN token IS NOT NULL AND rank >= 0 THEN rank - 2 ELSE rank END
    WHERE queue = :queue AND due <= :now
"""

LEASE = f"""
    UPDATE queue_entries SET due = :due, token = :token
    WHERE seq IN (SELECT seq FROM queue_entries WHERE {_READY} ORDER BY rank, seq LIMIT :limit)
    RETURNING rank, seq, id, payload, begun, last_error
"""

NEXT_DUE = "SELECT min(due) FROM queue_entries WHERE queue = :queue AND due IS NOT NULL"

CUT_DELAYS = """
    UPDATE queue_entries SET due = :latest
    WHERE queue = :queue AND due > :latest AND token IS NULL
"""

RECLAIM = """
    UPDATE queue_entries
    SET due = NULL, token = NULL, rank = CASE WHEN rank >= 0 THEN rank - 2 ELSE rank END
    WHERE queue = :queue AND due IS NOT NULL AND token IS NOT NULL
"""

BEGIN = f"UPDATE queue_entries SET begun = :begun WHERE {_LEASED}"

EXTEND = f"UPDATE queue_entries SET due = :due WHERE {_LEASED}"

# CROSS JOIN keeps SQLite from walking the whole queue and looking each entry up in the list.
_GIVEN = """
    FROM json_each(:given) AS given CROSS JOIN queue_entries AS entry
    ON entry.queue = :queue AND entry.id = json_extract(given.value, '$[0]')
    AND entry.token = json_extract(given.value, '$[1]')
"""

STILL_LEASED = f"SELECT entry.id, entry.token {_GIVEN}"

DELETE_LEASED = f"""
    DELETE FROM queue_entries WHERE seq IN (SELECT entry.seq {_GIVEN}) RETURNING id, token
"""

DELETE = f"DELETE FROM queue_entries WHERE {_LEASED}"

RELEASE = f"""
    UPDATE queue_entries SET token = NULL, due = :due, begun = :begun WHERE {_LEASED}
"""

# A handler that failed in the ordinary way has shown that the entry kills nobody.
RETRY = f"""
    UPDATE queue_entries
    SET token = NULL, due = :due, begun = :begun,
        rank = CASE WHEN rank < 0 THEN rank + 2 ELSE rank END,
        first_error = coalesce(first_error, :error)
    WHERE {_LEASED}
"""

_REPLACE_DEAD = """
    ON CONFLICT (queue, id) DO UPDATE SET
        payload = excluded.payload, rank = excluded.rank, error = excluded.error,
        first_error = excluded.first_error, begun = excluded.begun,
        enqueued_at = excluded.enqueued_at, died_at = excluded.died_at
"""
_INTO_DEAD = """
    INSERT INTO dead_letters
        (queue, id, payload, rank, error, first_error, begun, enqueued_at, died_at)
"""

BURY = f"""
    {_INTO_DEAD}
    SELECT :dlq, id, payload, abs(rank % 2),
        :error || char(10) || coalesce(last_error, '') || char(10) || :traceback,
        coalesce(first_error, :error), :begun,
        enqueued_at, :now
    FROM queue_entries WHERE {_LEASED}
    {_REPLACE_DEAD}
"""

BURY_OLDEST = f"""
    {_INTO_DEAD}
    SELECT :dlq, id, payload, abs(rank % 2), :error || char(10) || coalesce(last_error, ''),
        first_error, begun, enqueued_at, :now
    FROM queue_entries WHERE seq IN ({_OLDEST})
    {_REPLACE_DEAD}
"""

DELETE_OLDEST = f"""
    DELETE FROM queue_entries WHERE seq IN ({_OLDEST}) RETURNING seq, id, payload, rank
"""

CLEAR = "DELETE FROM queue_entries WHERE queue = :queue AND token IS NULL"

PEEK = """
    SELECT id, payload, rank FROM queue_entries
    WHERE queue = :queue AND (due IS NULL OR due <= :now) ORDER BY rank, seq LIMIT :limit
"""

STATS = """
    SELECT count(*) FILTER (WHERE due IS NULL OR due <= :now) AS ready,
        count(*) FILTER (WHERE due > :now AND token IS NOT NULL) AS leased,
        count(*) FILTER (WHERE due > :now AND token IS NULL) AS delayed,
        (SELECT count(*) FROM dead_letters WHERE queue IN (:dlq, :overflow)) AS dead,
        min(enqueued_at) AS oldest
    FROM queue_entries WHERE queue = :queue
"""

DEAD_LETTERS = """
    SELECT * FROM dead_letters WHERE queue IN (:dlq, :overflow)
    ORDER BY died_at DESC, id LIMIT :limit
"""

_IN_LISTS = "queue IN (:dlq, :overflow)"
_FIRST_LINE = "substr(error, 1, instr(error || char(10), char(10)) - 1)"

DEAD_BY_ID = f"""
    SELECT * FROM dead_letters
    WHERE {_IN_LISTS} AND id IN (SELECT value FROM json_each(:ids))
"""

DEAD_IDS = f"""
    SELECT id FROM dead_letters
    WHERE {_IN_LISTS}
        AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
        AND (:reason IS NULL OR instr({_FIRST_LINE}, :reason))
    ORDER BY died_at, id LIMIT :limit
"""

MARK_ORIGIN = """
    UPDATE queue_entries SET last_error = :origin WHERE queue = :queue AND id = :id
"""

FORGET_DEAD = """
    DELETE FROM dead_letters
    WHERE queue IN (:dlq, :overflow) AND id IN (SELECT value FROM json_each(:ids))
"""
