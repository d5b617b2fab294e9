"""What a user agent string tells: browser, operating system, robot or not."""

from dataclasses import dataclass

from owa.remembering import remembers

LONGEST = 2_000
"""Longer strings are cut before they are parsed: no real browser sends them."""


@dataclass(frozen=True, slots=True)
class UserAgent:
    browser: str
    """Family, such as `Chrome`; empty when unknown."""
    version: str
    """Such as `120.0.0`; `(unknown)` when unknown."""
    operating_system: str
    """Family, such as `Linux`; `(unknown)` when unknown."""
    is_robot: bool


@remembers(20_000)
def parse(text: str) -> UserAgent:
    """Parse with the uap-core patterns. Remembers the last 20,000 strings: parsing one anew takes 26 µs."""
    import ua_parser  # who has nothing to parse does not wait for it

    result = ua_parser.parse(text[:LONGEST])
    browser, system, device = result.user_agent, result.os, result.device
    parts = (browser.major, browser.minor, browser.patch) if browser else ()
    return UserAgent(
        browser=browser.family if browser else "",
        version=".".join(part for part in parts if part) or "(unknown)",
        operating_system=system.family if system else "(unknown)",
        is_robot=device is not None and device.family == "Spider",
    )
