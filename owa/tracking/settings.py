from owa.settings import boolean, integer, networks

QUEUE_EVENTS = boolean(
    "base.queue_events",
    default=False,
    help="Asynchronous mode: events are queued, and processed by cron or the scheduler. Off: in the request.",
)
SERVER_NUMBER = integer(
    "base.server_number",
    default=0,
    least=0,
    most=999,
    help="Number of this server. Servers that feed one database need different ones.",
)
TRUSTED_PROXIES = networks(
    "base.trusted_proxies",
    help="Addresses of reverse proxies in front of OWA: their X-Forwarded-For is believed, nobody else's.",
)
ANONYMIZE_IPS = boolean(
    "base.anonymize_ips",
    default=False,
    help="Cut addresses before they are kept: IPv4 to 24 bits, IPv6 to 48.",
)
EXCLUDED_IPS = networks("base.excluded_ips", help="Addresses or networks whose visitors are not tracked.")
LOG_ROBOTS = boolean("base.log_robots", default=False, help="Track robots too.")

SETTINGS = (QUEUE_EVENTS, SERVER_NUMBER, TRUSTED_PROXIES, ANONYMIZE_IPS, EXCLUDED_IPS, LOG_ROBOTS)
