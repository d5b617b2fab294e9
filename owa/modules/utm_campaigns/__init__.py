"""Reads the campaign parameters that most newsletters and ads carry: `utm_…` in the page's address."""

from owa.module_api import VERSION, Module, PreprocessingStep, hookimpl
from owa.modules.utm_campaigns.step import read_utm


@hookimpl
def owa_module() -> Module:
    return Module(
        name="utm_campaigns",
        title="UTM campaigns",
        version=VERSION,
        author="OWA",
        group="Tracking",
        description="Takes utm_source, utm_medium, utm_campaign, utm_content and utm_term in a page's address for the "
        "campaign parameters of OWA, where a page has none of those.",
    )


@hookimpl
def owa_preprocessing_steps() -> list[PreprocessingStep]:
    return [PreprocessingStep("read utm parameters", read_utm)]
