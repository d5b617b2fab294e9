"""The tracking tag: what a site's owner pastes into the pages."""

import json

from owa.settings import Settings
from owa.tracking.settings import RESPECT_DO_NOT_TRACK

_TEMPLATE = """<script>
var owa_baseUrl = {base_url};
var owa_cmds = owa_cmds || [];
{privacy}owa_cmds.push(['setSiteId', {site_id}]);
owa_cmds.push(['trackPageView']);
(function () {{
    var script = document.createElement('script');
    script.src = owa_baseUrl + 'static/tracker/owa.tracker.js';
    script.async = true;
    document.head.appendChild(script);
}}());
</script>"""


def tag(base_url: str, site_id: str, settings: Settings) -> str:
    """HTML text. `base_url`: where OWA is served, with or without a trailing slash."""
    return _TEMPLATE.format(
        base_url=_script_text(base_url.rstrip("/") + "/"),
        site_id=_script_text(site_id),
        privacy="owa_cmds.push(['respectDoNotTrack']);\n" if settings[RESPECT_DO_NOT_TRACK] else "",
    )


def _script_text(text: str) -> str:
    """A JavaScript string literal that cannot end the script element."""
    return json.dumps(text).replace("<", "\\u003c")
