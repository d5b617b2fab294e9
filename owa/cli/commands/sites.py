"""`cmd=add-site`."""

from sqlalchemy import Connection

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command, default_base_url
from owa.cli.output import Output
from owa.db import configuration as stored
from owa.domains import check_domain
from owa.errors import UsageError
from owa.tracking.tag import tag


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    domain = arguments.text("domain")
    if not domain:
        raise UsageError("add-site wants a domain.", "Such as domain=https://example.org")
    with installation.database.writing() as connection:
        added = add_site(connection, domain, arguments.text("name"), installation.clock.now())
    installation.configuration.signal_change()
    site_id = stored.site_id_of(domain)
    base_url = default_base_url(arguments)
    output.say(f"{domain} {'is registered' if added else 'was registered already'}. Its site id is {site_id}.")
    settings = installation.configuration.current().settings
    output.say(f"Paste this into its pages:\n\n{tag(base_url, site_id, settings)}\n")
    output.document({"site_id": site_id})
    return DONE


def add_site(connection: Connection, domain: str, name: str, now: int) -> bool:
    """Register a site, and note it in the audit trail; returns whether it is new. `now`: microseconds."""
    from owa.accounts import audit

    try:
        added = stored.add_site(connection, check_domain(domain), name)
    except ValueError as error:
        raise UsageError(f"domain={domain!a}: {error}.") from error
    if added:
        values = {"domain": domain, "name": name or domain}
        audit.record(connection, audit.COMMAND_LINE, now, "add site", stored.site_id_of(domain), after=values)
    return added


ADD_SITE = Command(
    "add-site",
    "Register a site: only the events of registered sites are taken.",
    run,
    {
        "domain": "such as https://example.org; its text as given makes the site's id",
        "name": "a name to show; default the domain",
        "base_url": "where OWA is served, for the tag; default http://127.0.0.1:PORT/",
    },
)
