"""What an account may be called, and hold."""

from owa.accounts.audit import COMMAND_LINE
from owa.accounts.roles import ROLES
from owa.errors import UsageError
from owa.settings import did_you_mean

LONGEST_TEXT = 255
"""Characters of a name or an e-mail address."""


def check_name(user_id: str) -> None:
    """Raises `UsageError` when nobody may be called that."""
    if not user_id.isprintable() or user_id != user_id.strip() or not 0 < len(user_id) <= LONGEST_TEXT:
        raise UsageError(
            f"A user needs a name of 1 to {LONGEST_TEXT} visible characters, without white space around it."
        )
    if user_id == COMMAND_LINE.user_id:
        raise UsageError(f"{user_id} is what the audit trail calls commands.", "Choose another name.")


def check_role(role: str) -> None:
    """Raises `UsageError` when there is no such role."""
    if role not in ROLES:
        raise UsageError(f"There is no role {role}{did_you_mean(role, ROLES)}", f"Roles: {', '.join(ROLES)}.")


def check_text(what: str, text: str) -> None:
    """Raises `UsageError` when it cannot be shown in a line."""
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise UsageError(f"The {what} has {LONGEST_TEXT} characters at most, all of them visible.")
