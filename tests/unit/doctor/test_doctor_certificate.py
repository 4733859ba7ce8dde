"""When a certificate ends, read from its own bytes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.doctor.certificate import CertificateError, Validity, judge_certificate, validity_of
from hsid.doctor.findings import Verdict

PASS, WARN, FAIL = Verdict
NOW = datetime(2026, 5, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1951, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis wants them so
    lambda moment: moment.replace(microsecond=0)
)


def element(tag, content):
    """Return a DER element."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def time_of(moment):
    """Return it as RFC 5280 wants it: two digits of the year until 2049."""
    if moment.year < 2050:
        return element(0x17, f"{moment:%y%m%d%H%M%SZ}".encode())
    return element(0x18, f"{moment.year:04}{moment:%m%d%H%M%SZ}".encode())


def certificate(begins, ends, *, version=b"\xa0\x03\x02\x01\x02", issuer=b""):
    """Return the frame of a certificate."""
    times = element(0x30, time_of(begins) + time_of(ends))
    names = element(0x30, issuer)
    head = version + element(2, b"\x01") + element(0x30, b"") + names
    return element(0x30, element(0x30, head + times + names) + element(3, b"\0"))


@given(begins=MOMENTS, ends=MOMENTS, issuer=st.binary(max_size=400))
def test_both_times_are_read_whatever_stands_around_them(begins, ends, issuer):
    """Long names, both kinds of times, with the version or without."""
    for version in (b"", b"\xa0\x03\x02\x01\x02"):
        der = certificate(begins, ends, version=version, issuer=issuer)
        assert validity_of(der) == Validity(begins, ends)


@given(junk=st.binary(max_size=200))
def test_what_is_no_certificate_is_told_so(junk):
    """Never another error, whatever the bytes."""
    try:
        validity_of(junk)
    except CertificateError:
        pass
    else:
        pytest.fail("no certificate can come about by chance")


@given(cut=st.integers(0, 60))
def test_a_certificate_that_was_cut_off_is_none(cut):
    """A half-copied file is told."""
    der = certificate(NOW, NOW)
    with pytest.raises(CertificateError):
        validity_of(der[: min(cut, len(der) - 1)])


@pytest.mark.parametrize(
    ("days", "verdict"), [(-1, FAIL), (0, FAIL), (1, WARN), (29, WARN), (31, PASS), (4000, PASS)]
)
def test_a_month_before_the_end_is_the_time_to_renew(days, verdict):
    """Afterwards it is too late."""
    validity = Validity(NOW - timedelta(days=5000), NOW + timedelta(days=days))

    assert judge_certificate("tls_cert_path", validity, NOW).verdict is verdict


def test_a_certificate_of_tomorrow_speaks_of_the_clock():
    """It is the likelier thing to be wrong."""
    finding = judge_certificate("t", Validity(NOW + timedelta(1), NOW + timedelta(99)), NOW)

    assert (finding.verdict, "clock" in finding.fix) == (FAIL, True)
