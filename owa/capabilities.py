"""What somebody may do. As in OWA. Which role has which of them: `owa.accounts.roles`."""

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
