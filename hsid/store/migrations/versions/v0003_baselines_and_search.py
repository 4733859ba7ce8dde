"""Baselines of what each camera sees when, and the indexes by which events are found."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of the baselines and the indexes, filled with what there is."""
    _create_baselines()
    _create_baseline_weeks()
    _create_event_indexes()
    if op.get_bind().dialect.name == "sqlite":
        _create_word_table()
    else:
        _create_word_index()


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("latest_week", sa.Integer(), nullable=False),
        sa.Column("times_latest_week", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("hour BETWEEN 0 AND 167", name=op.f("ck_baselines_hour")),
        sa.CheckConstraint(
            "times_latest_week BETWEEN 0 AND times", name=op.f("ck_baselines_times")
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_baselines_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("camera_id", "label", "hour", name=op.f("pk_baselines")),
    )


def _create_baseline_weeks() -> None:
    op.create_table(
        "baseline_weeks",
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_baseline_weeks_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("camera_id", "week", name=op.f("pk_baseline_weeks")),
    )


def _create_event_indexes() -> None:
    op.create_index(
        "ix_events_camera_id_started_at_id",
        "events",
        ["camera_id", "started_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_events_risk_level_started_at_id",
        "events",
        ["risk_level", "started_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_events_provisional",
        "events",
        ["started_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'provisional'"),
        postgresql_where=sa.text("state = 'provisional'"),
    )


def _create_word_table() -> None:
    """Make what FTS5 needs; the triggers keep it equal to the summaries from here on."""
    op.execute(
        "CREATE VIRTUAL TABLE event_words USING fts5(summary, content='events',"
        " content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER event_words_added AFTER INSERT ON events BEGIN"
        " INSERT INTO event_words (rowid, summary) VALUES (new.id, new.summary); END"
    )
    op.execute(
        "CREATE TRIGGER event_words_removed AFTER DELETE ON events BEGIN"
        " INSERT INTO event_words (event_words, rowid, summary)"
        " VALUES ('delete', old.id, old.summary); END"
    )
    op.execute(
        "CREATE TRIGGER event_words_changed AFTER UPDATE OF id, summary ON events BEGIN"
        " INSERT INTO event_words (event_words, rowid, summary)"
        " VALUES ('delete', old.id, old.summary);"
        " INSERT INTO event_words (rowid, summary) VALUES (new.id, new.summary); END"
    )
    op.execute("INSERT INTO event_words (event_words) VALUES ('rebuild')")


def _create_word_index() -> None:
    without_marks = "regexp_replace(normalize(summary, NFD), '[\\u0300-\\u036f]+', '', 'g')"
    between = "[\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00bf\\u2000-\\u206f]+"
    vector = f"to_tsvector('simple', regexp_replace({without_marks}, '{between}', ' ', 'g'))"
    op.execute(f"CREATE INDEX ix_events_words ON events USING gin ({vector})")
