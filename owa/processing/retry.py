"""When an event that failed is tried again. A pure function: (attempts, age) → delay, or give up."""

from dataclasses import dataclass

FIRST_DELAY = 30.0
LONGEST_DELAY = 3_600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter, and two caps. A cap of 0 is none."""

    max_attempts: int
    max_age: float
    """Seconds since the event was put on the retry queue."""

    def delay(self, attempts: int, age: float, jitter: float) -> float | None:
        """Seconds until the next attempt; None: give up.

        `attempts`: how many have failed. `jitter`: 0 to 1, spreads the delay over ±25 %.
        """
        if self.max_attempts and attempts >= self.max_attempts:
            return None
        if self.max_age and age >= self.max_age:
            return None
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(max(attempts - 1, 0), 30))
        return delay * (0.75 + 0.5 * jitter)
