"""From when to when a certificate holds, and what that means. Pure.

Of X.509's DER only the way to the two times is read; whether the certificate is trusted by anybody
is not for here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hsid.doctor.findings import Finding, failed, passed, warned

CHECK = "certificate"

_SOON = timedelta(days=30)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_LONG_FORM = 0x80
_PIVOT = 50
"""A year of two digits below it is one of this century (RFC 5280)."""


class CertificateError(ValueError):
    """It is no certificate."""


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate begins and ends to hold."""

    begins: datetime
    ends: datetime


def validity_of(der: bytes) -> Validity:
    """Return when the certificate *der* holds.

    Raises:
        CertificateError: It is no certificate.
    """
    try:
        return _validity_of(der)
    except (IndexError, ValueError) as error:
        raise CertificateError("not a certificate") from error


def judge_certificate(setting: str, validity: Validity, now: datetime) -> Finding:
    """Say how long the certificate in the file of *setting* still holds."""
    left = validity.ends - now
    day = f"{validity.ends:%Y-%m-%d}"
    renew = f"renew it, put the new one in its place ({setting}) and restart the daemon"
    if now < validity.begins:
        words = f"{setting}: holds from {validity.begins:%Y-%m-%d} only"
        return failed(CHECK, words, "see whether the clock of this machine is right")
    if left <= timedelta(0):
        return failed(CHECK, f"{setting}: expired on {day}", renew)
    if left < _SOON:
        return warned(CHECK, f"{setting}: expires in {left.days} days, on {day}", renew)
    return passed(CHECK, f"{setting}: holds until {day}")


def _validity_of(der: bytes) -> Validity:
    certificate = _inside(der, _SEQUENCE)
    rest = _inside(certificate, _SEQUENCE)
    if rest[0] == _VERSION:
        rest = _after(rest)
    for _ in ("serial number", "algorithm", "issuer"):
        rest = _after(rest)
    times = _inside(rest, _SEQUENCE)
    return Validity(_time(times), _time(_after(times)))


def _bounds(der: bytes) -> tuple[int, int]:
    """Return where the content of the first element begins and ends."""
    length, begin = der[1], 2
    if length & _LONG_FORM:
        begin += length & ~_LONG_FORM
        length = int.from_bytes(der[2:begin])
    if begin + length > len(der):
        raise CertificateError("cut off")
    return begin, begin + length


def _inside(der: bytes, tag: int) -> bytes:
    if der[0] != tag:
        raise CertificateError("another kind of element")
    begin, end = _bounds(der)
    return der[begin:end]


def _after(der: bytes) -> bytes:
    return der[_bounds(der)[1] :]


def _time(der: bytes) -> datetime:
    text = _inside(der, _UTC_TIME if der[0] == _UTC_TIME else _GENERALIZED_TIME).decode("ascii")
    if der[0] == _UTC_TIME:
        text = f"{'20' if int(text[:2]) < _PIVOT else '19'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
