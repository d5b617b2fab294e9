"""`cmd=change-password`: for whoever has forgotten it."""

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command
from owa.cli.output import Output
from owa.errors import UsageError


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.accounts import changes
    from owa.accounts.audit import COMMAND_LINE
    from owa.accounts.passwords import random_password

    user_id, given = arguments.text("user_id"), arguments.text("password")
    if not user_id:
        raise UsageError("change-password wants a user_id.", "Such as user_id=admin")
    password = given or random_password()
    with installation.database.writing() as connection:
        changes.set_password(connection, COMMAND_LINE, user_id, password, installation.clock.now())
    if given:
        output.say(f"{user_id} has a new password. His logins have ended.")
    else:
        output.must_say(f"Login      {user_id}, password {password} (shown only this once)")
    output.document({"user_id": user_id} | ({} if given else {"password": password}))
    return DONE


CHANGE_PASSWORD = Command(
    "change-password",
    "Give a user a new password, and end his logins.",
    run,
    {
        "user_id": "his name",
        "password": "the new one, which other users of the machine may see in the list of processes; default a random "
        "one, printed once",
    },
)
