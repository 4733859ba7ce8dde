"""What all tables share: the one collection of them, and how checks and indexes are named."""

from collections.abc import Iterable

from sqlalchemy import DDL, CheckConstraint, Index, MetaData, Table, event, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def one_of(column: str, names: Iterable[str]) -> CheckConstraint:
    """Return the check that *column* holds one of *names*."""
    return CheckConstraint(f"{column} IN ({_listed(names)})", name=column)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index over the rows for which *where* is true."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def also(table: Table, statement: str, *, dialect: str) -> None:
    """Have *statement* belong to *table* on databases of *dialect*."""
    made = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy's own lack
    event.listen(table, "after_create", made.execute_if(dialect=dialect))
