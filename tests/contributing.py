"""A package of a third party that contributes all that those who run OWA get to see, some of it misbehaving."""

HOOKED = """
import sys
import time

from owa.module_api import (
    AdminPage, Capability, Command, HealthCheck, Module, ModuleTest, PageContent, Problem, QueueUnavailable,
    ScheduledJob, UsageError, hookimpl, text,
)

KEY = text("hooked.key", default="", required=True, label="The key", help="Without it nothing works.")
HANG = [True]


@hookimpl
def owa_module():
    return Module("hooked", "Hooked", "1.0", "Them", "Tests", "It contributes.", migrations="revisions")


@hookimpl
def owa_settings():
    return [KEY]


def orders(context):
    with context.database.reading() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM hooked_order").scalar_one()
    return PageContent("orders.jinja2", {
        "count": count, "said": context.query.get("said", ""), "user": context.user_id, "key": context.settings[KEY],
    })


def add(context, fields):
    if not fields.get("number"):
        raise UsageError("Which number?", "Give <one>.")
    with context.database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO hooked_order (number) VALUES (%d)" % int(fields["number"]))
        context.note(connection, "add order", fields["number"], after={"number": fields["number"]})
    return "Order %s is added." % fields["number"]


def fail(*_arguments):
    raise ValueError("<b>it does not work</b>")


def leave(*_arguments):
    sys.exit(3)


def away(*_arguments):
    raise QueueUnavailable("The disk is full.", "Free some.")


def hang(*_arguments):
    while HANG[0]:
        time.sleep(0.01)


def page(slug, render, act=None, permission=Capability.EDIT_MODULES):
    return AdminPage(slug, slug.title(), permission, render, act)


@hookimpl
def owa_admin_pages():
    return [
        page("orders", orders, add, Capability.VIEW_REPORTS),
        page("fails", fail, fail),
        page("leaves", leave, leave),
        page("away", away, away),
        page("wrong", lambda context: "<p>hello", lambda context, fields: None),
        page("without", lambda context: PageContent("missing.jinja2")),
        page("broken", lambda context: PageContent("broken.jinja2")),
    ]


@hookimpl
def owa_jobs():
    return [
        ScheduledJob("count-orders", 3600, lambda context: {"orders": 7, "none": 0}),
        ScheduledJob("fails", 3600, fail, is_shared=True),
        ScheduledJob("leaves", 3600, leave),
        ScheduledJob("wrong", 3600, lambda context: 7),
    ]


def list_orders(context, arguments, output):
    output.say("Orders over %s." % arguments.number("least", 0.0))
    output.document({"key": context.settings[KEY], "least": arguments.number("least", 0.0)})
    return 0


@hookimpl
def owa_commands():
    return [
        Command("list-orders", "List the orders.", list_orders, {"least": "the least number"}),
        Command("fails", "It fails.", fail),
        Command("leaves", "It leaves.", leave),
        Command("wrong", "It returns nothing.", lambda *given: None),
        Command("away", "The disk is full.", away),
    ]


@hookimpl
def owa_health_checks():
    return [
        HealthCheck("fine", lambda context: None),
        HealthCheck("ill", lambda context: Problem("The <i>orders</i> are ill.", "Call a doctor.")),
        HealthCheck("fails", fail),
        HealthCheck("leaves", leave),
        HealthCheck("wrong", lambda context: "ill"),
        HealthCheck("away", away),
    ]


def greet(context):
    return "The key is %s." % context.settings[KEY]


def refuse(context):
    raise UsageError("Nobody <answers>.", "Knock.")


@hookimpl
def owa_tests():
    return [
        ModuleTest("Greet", greet), ModuleTest("Refuse", refuse), ModuleTest("Fail", fail), ModuleTest("Leave", leave),
        ModuleTest("Wrong", lambda context: None),
    ]
"""
"""Of a module `hooked`."""

REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "1", None, None, None


def upgrade():
    op.create_table("hooked_order", sa.Column("number", sa.Integer))


def downgrade():
    op.drop_table("hooked_order")
"""

SECOND_REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "2", "1", None, None


def upgrade():
    op.add_column("hooked_order", sa.Column("price", sa.Integer))
"""

TEMPLATE = """{% extends "admin/base.jinja2" %}
{% block title %}{{ title }}{% endblock %}
{% block page %}
<h1>{{ title }}</h1>
{{ forms.problem(problem) }}
<p>{{ count }} orders, for {{ user }}, by {{ key }}: {{ said }}</p>
<form method="post">{{ forms.token() }}<input name="number" aria-label="Number"><button>Add</button></form>
{% endblock %}
"""

FILES = {
    "templates/orders.jinja2": TEMPLATE,
    "templates/broken.jinja2": "{{ 1 // 0 }}",
    "revisions/0001_orders.py": REVISION,
}
"""Of its package."""
