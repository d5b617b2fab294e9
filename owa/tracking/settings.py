from owa.settings import boolean, networks

TRUSTED_PROXIES = networks(
    "base.trusted_proxies",
    help="Addresses of reverse proxies in front of OWA: their X-Forwarded-For is believed, nobody else's.",
    label="Trusted proxies",
    group="Visitors",
)
ANONYMIZE_IPS = boolean(
    "base.anonymize_ips",
    default=False,
    help="Cut addresses before they are kept: IPv4 to 24 bits, IPv6 to 48.",
    label="Cut addresses",
    group="Visitors",
)
EXCLUDED_IPS = networks(
    "base.excluded_ips",
    help="Addresses or networks whose visitors are not tracked.",
    label="Excluded addresses",
    group="Visitors",
)
LOG_ROBOTS = boolean(
    "base.log_robots",
    default=False,
    help="Take events of robots too. Off: they are refused, and counted.",
    label="Track robots",
    group="Visitors",
)

RESPECT_DO_NOT_TRACK = boolean(
    "base.respect_do_not_track",
    default=False,
    help="Take nothing from browsers that send Do Not Track or Global Privacy Control; new tags say so to the tracker.",
    label="Respect Do Not Track",
    group="Visitors",
)

SETTINGS = (TRUSTED_PROXIES, ANONYMIZE_IPS, EXCLUDED_IPS, LOG_ROBOTS, RESPECT_DO_NOT_TRACK)
