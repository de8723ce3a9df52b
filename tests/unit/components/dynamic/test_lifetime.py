from datetime import UTC, datetime

import pytest

from components.dynamic import clock, lifetime
from components.dynamic.errors import LifetimeTooShortError

DAY = 86400


@pytest.mark.parametrize(
    ("lasting", "before", "wrong"),
    [
        (600, 0, None),
        (600, 474, None),
        (600, 475, "renew_before_seconds"),
        (600, -1, "renew_before_seconds"),
        (599, 0, "lifetime_seconds"),
        (30 * DAY, 7 * DAY, None),
        (30 * DAY, 30 * DAY, "renew_before_seconds"),
    ],
)
def test_lifetimes_that_can_be(lasting: int, before: int, wrong: str | None) -> None:
    problem = lifetime.problem(lasting, before)
    assert (problem and problem[0]) == wrong


def test_window_opens_to_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 2, 11, 59, 59, tzinfo=UTC))
    assert not lifetime.is_due("2026-01-02T13:00:00Z", 3600)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC))
    assert lifetime.is_due("2026-01-02T13:00:00Z", 3600)
    assert lifetime.is_due("2026-01-02T14:00:00+01:00", 3600)


@pytest.mark.parametrize("granted", [3600, 3600 - 90, 3600 + 90])
def test_what_was_asked_is_granted_without_a_word(granted: int) -> None:
    assert lifetime.check_granted("it", granted, 3600, 600) == ""


def test_long_certificates_end_five_minutes_early() -> None:
    assert lifetime.check_granted("it", 8 * 3600 - 300, 8 * 3600, 600) == ""


@pytest.mark.parametrize("granted", [1800, 7200])
def test_another_lifetime_is_told(granted: int) -> None:
    assert f"grants {granted} s instead of 3600 s" in lifetime.check_granted("it", granted, 3600, 600)


def test_lifetime_within_the_renewal_window_is_an_error() -> None:
    with pytest.raises(LifetimeTooShortError, match="grants 630 s instead of 3600 s"):
        lifetime.check_granted("it", 630, 3600, 600)


def test_times_are_written_in_utc() -> None:
    moment = datetime.fromisoformat("2026-01-02T14:00:00.7+02:00")
    assert lifetime.write_time(moment) == "2026-01-02T12:00:00Z"
    assert lifetime.read_time("2026-01-02T12:00:00Z") == datetime(2026, 1, 2, 12, tzinfo=UTC)
