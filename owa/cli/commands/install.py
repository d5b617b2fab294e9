"""`cmd=install`: tables, an admin account, a first site, asynchronous mode. Running it again changes none of them."""

from dataclasses import dataclass

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command, default_base_url
from owa.cli.commands.sites import add_site
from owa.cli.output import Output
from owa.db import configuration as stored
from owa.db.shape import make_missing
from owa.errors import OwaError, UsageError
from owa.queues.settings import QUEUE_EVENTS
from owa.tracking.tag import tag

FIRST_SITE = "http://localhost"


@dataclass(frozen=True, slots=True)
class Installed:
    user_id: str
    password: str | None
    """Only when the account is new and its password random."""
    site_id: str
    domain: str


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.db.migrate import upgrade  # Alembic takes a while to import, and cron imports all commands

    upgrade(installation.database)
    _make_missing(installation, output)
    installed = _fill(installation, arguments)
    installation.configuration.signal_change()
    base_url = default_base_url(arguments)
    output.say(f"OWA        {base_url}")
    login = f"Login      {installed.user_id}"
    if installed.password:
        output.must_say(f"{login}, password {installed.password} (shown only this once)")
    else:
        output.say(f"{login}, with the password that it has")
    output.say(f"Site       {installed.domain} ({installed.site_id})")
    settings = installation.configuration.current().settings
    output.say(f"Tag        paste this into its pages:\n\n{tag(base_url, installed.site_id, settings)}\n")
    document = {"user_id": installed.user_id, "site_id": installed.site_id}
    output.document({**document, "password": installed.password} if installed.password else document)
    return DONE


def _make_missing(installation: Installation, output: Output) -> None:
    """Migrations say nothing of tables that somebody has removed. Raises `OwaError` for what cannot be made again."""
    with installation.database.writing() as connection:
        made, lacking = make_missing(connection)
    for lack in made:
        output.problem(f"{lack} It was made anew, and is empty: if it held something, put back a backup.")
    if lacking:
        raise OwaError(f"{lacking[0]} cmd=install cannot mend that.", lacking[0].remedy)


def _fill(installation: Installation, arguments: Arguments) -> Installed:
    from owa.accounts import audit, changes
    from owa.accounts.passwords import random_password
    from owa.accounts.roles import ADMIN
    from owa.accounts.users import User, first_admin

    now = installation.clock.now()
    with installation.database.writing() as connection:
        user_id, password = first_admin(connection), None
        if user_id is not None and (arguments.text("user_id") or arguments.text("password")):
            raise UsageError(
                f"There is an admin already: {user_id}. user_id and password are for a new installation.",
                "Leave them out.",
            )
        if user_id is None:
            user_id, password = arguments.text("user_id", "admin"), random_password()
            given = arguments.text("password")
            changes.add(connection, audit.COMMAND_LINE, User(user_id, ADMIN), given or password, now)
            password = None if given else password
        found = stored.read(connection)
        if QUEUE_EVENTS.name not in found.settings:
            stored.store_settings(connection, {QUEUE_EVENTS.name: "true"})
            value = {"value": "true"}
            audit.record(connection, audit.COMMAND_LINE, now, "change setting", QUEUE_EVENTS.name, after=value)
        domain = arguments.text("domain", FIRST_SITE)
        if found.sites and not arguments.text("domain"):
            site = next((site for site in found.sites if site.domain == domain), found.sites[0])
            return Installed(user_id, password, site.site_id, site.domain)
        add_site(connection, domain, "", now)
        return Installed(user_id, password, stored.site_id_of(domain), domain)


INSTALL = Command(
    "install",
    "Create or update the tables; on a new installation also an admin account and a first site.",
    run,
    {
        "user_id": "the admin's name; default admin",
        "password": "the admin's password; default a random one, printed once",
        "domain": "the first site, such as https://example.org; default http://localhost",
        "base_url": "where OWA is served, for the tag; default http://127.0.0.1:PORT/",
    },
    installs=True,
)
