import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.processing.retry import FIRST_DELAY, LONGEST_DELAY, RetryPolicy

NEVER = RetryPolicy(max_attempts=0, max_age=0)


@pytest.mark.parametrize(
    ("attempts", "delay"), [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1_920), (8, 3_600), (9, 3_600), (10**6, 3_600)]
)
def test_the_delay_doubles_up_to_an_hour(attempts: int, delay: float) -> None:
    assert NEVER.delay(attempts, 0.0, jitter=0.5) == delay


@given(st.integers(0, 1_000), st.floats(0, 1e9), st.floats(0, 1))
def test_jitter_spreads_it_by_a_quarter(attempts: int, age: float, jitter: float) -> None:
    delay = NEVER.delay(attempts, age, jitter)
    assert delay is not None
    assert 0.75 * FIRST_DELAY <= delay <= 1.25 * LONGEST_DELAY
    middle = NEVER.delay(attempts, age, 0.5)
    assert middle is not None
    assert delay == pytest.approx(middle * (0.75 + 0.5 * jitter))


def test_it_gives_up_at_the_last_attempt() -> None:
    policy = RetryPolicy(max_attempts=3, max_age=0)
    assert [policy.delay(attempts, 1e9, 0.5) is None for attempts in (1, 2, 3, 4)] == [False, False, True, True]


def test_it_gives_up_at_the_age_limit() -> None:
    policy = RetryPolicy(max_attempts=0, max_age=100)
    assert [policy.delay(1_000, age, 0.5) is None for age in (0, 99.9, 100, 101)] == [False, False, True, True]
