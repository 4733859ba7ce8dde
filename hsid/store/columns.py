"""Column types that mean the same on every database.

What is written comes back equal: times are aware and in UTC, inodes keep all of their 64 bits,
and text that one database would refuse never reaches it (`clean`).
"""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine

_SIGN_BIT = 1 << 63
_TWO_TO_64 = 1 << 64


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in and out; a naive one is refused, as nobody knows what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn *value* into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone can't be stored: {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back UTC; SQLite knows no zones."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Unsigned64(TypeDecorator[int]):
    """Inodes: file systems use all 64 bits, databases keep one of them for the sign."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Fold the upper half into the negative numbers."""
        return value if value is None or value < _SIGN_BIT else value - _TWO_TO_64

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Unfold."""
        return value if value is None else unfold(value)


def unfold(stored: int) -> int:
    """Return the inode that `Unsigned64` stored as *stored*, for reading past SQLAlchemy."""
    return stored if stored >= 0 else stored + _TWO_TO_64


def clean(text: str) -> str:
    """Return *text* as every database can keep it: no NUL, no lone surrogates."""
    without_nul = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return without_nul.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def big_key() -> TypeEngine[int]:
    """Return the type of a numbered key; on SQLite only INTEGER numbers by itself."""
    return BigInteger().with_variant(Integer, "sqlite")
