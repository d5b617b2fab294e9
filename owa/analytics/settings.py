from owa.settings import time_zone, words

TIME_ZONE = time_zone(
    "base.timezone",
    default="UTC",
    help="Time zone of the calendar columns and the reports.",
    label="Time zone",
    group="Pages and calendar",
)
QUERY_STRING_FILTERS = words(
    "base.query_string_filters",
    help="Query parameters that do not make another page, such as session ids: they are cut off page addresses.",
    label="Ignored query parameters",
    group="Pages and calendar",
)
SETTINGS = (TIME_ZONE, QUERY_STRING_FILTERS)
