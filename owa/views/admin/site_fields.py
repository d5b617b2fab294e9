"""The fields of a site, declared as settings are."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from owa.db.configuration import StoredSite
from owa.domains import check_domain
from owa.settings import Setting, resolve, text, words
from owa.views.forms.form import Form, plain_form

_ADDRESS = re.compile(r"https?://[^\s/?#@\\\"<>]+(/[^\s?#\\\"<>]*)?", re.IGNORECASE)


def _address(value: str) -> str:
    """Whoever types has nothing to migrate: an address, and not all that `add-site` takes for sites that come from an
    OWA of old."""
    try:
        good = bool(_ADDRESS.fullmatch(value) and urlsplit(value).hostname and urlsplit(value).port != 0)
    except ValueError:
        good = False
    if not good:
        raise ValueError("wants the address of a site, such as https://example.org")
    return check_domain(value)


DOMAIN = Setting(
    "site.domain",
    _address,
    default="",
    help="Such as https://example.org. Its text as given makes the site's id, so it cannot be changed later.",
)
NAME = text("site.name", default="", help="What the site is called here. Empty: its domain.")
DESCRIPTION = text("site.description", default="", help="A note for whoever reads the reports.")
QUERY_STRING_FILTERS = words(
    "site.query_string_filters",
    label="Ignored query parameters",
    help="Query parameters that do not make another page, in addition to those of the general settings.",
)
DEFAULT_PAGE = text(
    "site.default_page",
    default="",
    help="File that a folder's address leads to, such as index.html: both count as one page.",
)
_FIELDS = (NAME, DESCRIPTION, QUERY_STRING_FILTERS, DEFAULT_PAGE)


def add_form() -> Form:
    """For a new site."""
    return plain_form((DOMAIN, *_FIELDS), resolve(_FIELDS, environment={}), new=True)


def change_form(site: StoredSite) -> Form:
    """For one that there is."""
    stored = {
        NAME.name: site.name,
        DESCRIPTION.name: site.description,
        QUERY_STRING_FILTERS.name: site.settings.get("query_string_filters", "").replace(",", "\n"),
        DEFAULT_PAGE.name: site.settings.get("default_page", ""),
    }
    return plain_form(_FIELDS, resolve(_FIELDS, environment={}, stored=stored), new=False)


def as_changed(site: StoredSite, texts: Mapping[str, str]) -> StoredSite:
    """The site with what a form's fields hold."""
    own = {
        "query_string_filters": ",".join(QUERY_STRING_FILTERS.parse(texts[QUERY_STRING_FILTERS.name])),
        "default_page": texts[DEFAULT_PAGE.name],
    }
    kept = {name: value for name, value in site.settings.items() if name not in own}
    return StoredSite(
        site_id=site.site_id,
        domain=site.domain,
        settings=kept | {name: value for name, value in own.items() if value},
        name=texts[NAME.name] or site.domain,
        description=texts[DESCRIPTION.name],
    )
