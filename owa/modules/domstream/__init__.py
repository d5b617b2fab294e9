"""Dom streams: what a visitor did with the mouse and the keys on a page, as OWA's tracker records it when told to."""

from collections.abc import Mapping

from owa.module_api import VERSION, FactFamily, FactValues, Module, hookimpl

LONGEST_STREAM = 64 * 1024
"""Characters kept of a stream. A request has no more."""


@hookimpl
def owa_module() -> Module:
    return Module(
        name="domstream",
        title="Dom streams",
        version=VERSION,
        author="OWA",
        group="Tracking",
        description="Stores the recordings of mouse movements and clicks that the tracker of PHP OWA sends when its "
        "tag has trackDomStream; the tracker of this OWA makes none. Off: they are refused, and counted.",
    )


@hookimpl
def owa_fact_families() -> list[FactFamily]:
    return [FactFamily("dom.stream", "owa_domstream", _columns)]


def _columns(values: FactValues, page_url: str) -> Mapping[str, object]:
    return {
        "domstream_guid": values.identifier("domstream_guid"),
        "events": values.text("stream_events", LONGEST_STREAM) or None,
        "duration": values.integer("duration"),
        "page_url": page_url,
        "page_width": values.integer("page_width"),
        "page_height": values.integer("page_height"),
    }
