"""Roles, and what each of them may do. As in OWA."""

from collections.abc import Mapping

from owa.capabilities import Capability as Capability

ADMIN = "admin"

ROLES: Mapping[str, frozenset[Capability]] = {
    ADMIN: frozenset(Capability),
    "analyst": frozenset(
        (Capability.VIEW_SITE_LIST, Capability.VIEW_REPORTS, Capability.VIEW_REPORTS_ECOMMERCE),
    ),
    "viewer": frozenset((Capability.VIEW_SITE_LIST, Capability.VIEW_REPORTS)),
}
"""By the role's name. Who is no admin sees only the sites that he is given."""
