"""Event handlers of third parties, which behave and which do not."""

from sqlalchemy import Connection

from owa.events import Event

TABLE = "CREATE TABLE {name}_row (guid BIGINT NOT NULL, note VARCHAR(100))"
"""Nothing keeps an event from having two rows in it."""

MODULE = """
from owa.module_api import EventHandler, Module, hookimpl
from sqlalchemy import column, insert, table, text

ROW = table("NAME_row", column("guid"), column("note"))


def store(event, note=""):
    return insert(ROW).values(guid=event.guid, note=note)


def handle(event, context):
    return [store(event)]


@hookimpl
def owa_module():
    return Module("NAME", "A module", "1.0", "Them", "Tests", "Is given events.")


@hookimpl
def owa_event_handlers():
    return [EventHandler("rows", frozenset({"base.page_request"}), lambda event, context: handle(event, context))]
"""
"""It leaves a row for each event."""

MISBEHAVING = '''
import ctypes, os, re, signal, sys, time


def grow():
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


def end_later():
    import threading
    threading.Thread(target=lambda: time.sleep(0.3) or os._exit(7)).start()
    time.sleep(5)


def misbehave(how, event, context):
    """What it returns, if it does."""
    if how == "raise":
        raise ValueError("the basket is empty")
    if how == "raise what cannot be shown":
        raise type("Silent", (Exception,), {"__str__": lambda self: 1 / 0})
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "exit":
        sys.exit(3)
    if how == "end":
        print("these were its last words", flush=True)
        os._exit(4)
    if how == "end later":
        end_later()
    if how == "crash":
        ctypes.string_at(0)
    if how == "loop":
        while True:
            pass
    if how == "hold the interpreter":
        re.match("(a+)+$", "a" * 60 + "b")
    if how == "eat memory":
        grow()
    if how == "close all":
        os.closerange(0, 200)
    if how == "return nothing":
        return None
    if how == "return a word":
        return ["INSERT"]
    if how == "yield and raise":
        return (1 / 0 for _ in "x")
    if how == "store nowhere":
        return [store(event), text("INSERT INTO nowhere VALUES (1)")]
    if how == "store nonsense":
        return [store(event), text("INSRT")]
    if how == "store for ever":
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        return [store(event), text(slow)]
    if how == "write while reading":
        context.reading.execute(store(event))
    raise AssertionError(how)


def handle(event, context):
    how = event.properties.get("how")
    return misbehave(how, event, context) if how else [store(event)]
'''
"""To be added to it: what it does with events that have the property `how`."""


def module(name: str, *more: str) -> str:
    """The code of such a module."""
    return (MODULE + "".join(more)).replace("NAME", name)


def rows(connection: Connection, name: str) -> list[int]:
    """The guids of the rows that it has left, in their order."""
    return [guid for (guid,) in connection.exec_driver_sql(f"SELECT guid FROM {name}_row ORDER BY guid")]


def guids(events: list[Event]) -> list[int]:
    return sorted(event.guid for event in events)
