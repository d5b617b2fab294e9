"""Roles, and what each of them may do. As in OWA."""

from collections.abc import Mapping
from enum import StrEnum


class Capability(StrEnum):
    """Something that a role may do."""

    EDIT_SETTINGS = "edit_settings"
    EDIT_MODULES = "edit_modules"
    """Also what changes queues and events."""
    EDIT_SITES = "edit_sites"
    EDIT_USERS = "edit_users"
    VIEW_REPORTS = "view_reports"
    VIEW_REPORTS_ECOMMERCE = "view_reports_ecommerce"
    VIEW_SITE_LIST = "view_site_list"


ADMIN = "admin"

ROLES: Mapping[str, frozenset[Capability]] = {
    ADMIN: frozenset(Capability),
    "analyst": frozenset(
        (Capability.VIEW_SITE_LIST, Capability.VIEW_REPORTS, Capability.VIEW_REPORTS_ECOMMERCE),
    ),
    "viewer": frozenset((Capability.VIEW_SITE_LIST, Capability.VIEW_REPORTS)),
}
"""By the role's name. Who is no admin sees only the sites that he is given."""
