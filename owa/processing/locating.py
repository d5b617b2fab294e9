"""Where the addresses of events are: asks the locators of the modules that are on, once a batch for each address."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address

from owa.contributions import Location, Locator, locate_nothing
from owa.isolation import Isolation
from owa.settings import Settings

LONGEST = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
"""Characters of an address."""


def locating(
    locators: Sequence[tuple[str, Locator]], settings: Settings, isolation: Isolation
) -> Callable[[str], Location | None]:
    """What asks them, one after the other, until one knows. For one batch: it remembers all answers, so that the same
    address has the same location throughout. `locators`: each with its module's name."""
    if not locators:
        return locate_nothing
    known: dict[str, Location | None] = {}

    def ask(address: str) -> Location | None:
        for module, item in locators:
            what = f"locator {item.name}"
            found = isolation.call(module, what, _location, item.locate, address, settings, default=None)
            if found is not None:
                return found
        return None

    def locate(text: str) -> Location | None:
        if text not in known:
            address = address_of(text)
            known[text] = ask(address) if address else None
        return known[text]

    return locate


def address_of(text: str) -> str:
    """The address in its usual spelling, an IPv4 one in IPv6 clothing as itself; empty: the text is none."""
    if len(text) > LONGEST or "%" in text:  # a zone is of one link, which has no place
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _location(locate: Callable[[str, Settings], Location | None], address: str, settings: Settings) -> Location | None:
    found = locate(address, settings)
    if found is not None and not isinstance(found, Location):
        raise TypeError(f"A locator returns a Location or None, not {type(found).__name__}.")
    return found
