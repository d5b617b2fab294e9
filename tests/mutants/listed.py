"""The list: single-line changes, each of which breaks a law."""

from dataclasses import dataclass

SCHEDULES = "tests/property/test_schedules.py"
PAGE_VIEWS = "tests/integration/test_page_views.py"
LEASES = "tests/integration/test_leases.py"
SCHEDULER = "tests/integration/test_scheduler.py"
ORPHANS = "tests/integration/test_orphans.py"
RETRY_QUEUE = "tests/contract/test_database_queue.py"
FILE_QUEUE = "tests/contract/test_file_queue.py"
FAULTS = "tests/faults/test_file_queue_faults.py"
APPEND = "tests/unit/test_append.py"
SHARED_SYNCS = "tests/integration/test_shared_syncs.py"
FAILED_EVENTS = "tests/integration/test_failed_events.py"
LEDGER = "tests/integration/test_ledger.py"
FAMILIES = "tests/integration/test_families.py"
CONVERGENCE = "tests/property/test_convergence.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change that must not survive."""

    name: str
    file: str
    old: str
    """Stands in the file once."""
    new: str
    tests: str
    """Of those that `make test` runs, the file that finds it soonest."""


MUTANTS = (
    # families
    Mutant(
        "of an order the event counts that came last",
        "owa/analytics/orders.py",
        "        if key < least[identity].fact.key:\n            del least[identity]",
        "        if False:\n            del least[identity]",
        FAMILIES,
    ),
    Mutant(
        "in a batch the greatest event of an order counts",
        "owa/analytics/orders.py",
        "or one.fact.key < least[one.id].fact.key:",
        "or one.fact.key > least[one.id].fact.key:",
        CONVERGENCE,
    ),
    Mutant(
        "the session of a replaced order keeps its sums",
        "owa/analytics/orders.py",
        "            changed.add(session)",
        "            pass",
        FAMILIES,
    ),
    Mutant(
        "the items of a replaced order stay",
        "owa/analytics/orders.py",
        "connection.execute(delete(LINE_ITEM).where(LINE_ITEM.c.transaction_id.in_(part)))",
        "pass",
        FAMILIES,
    ),
    Mutant(
        "a session that opens takes in no orders",
        "owa/analytics/session_sums.py",
        "(news.opened & orders.keys()) | news.ordered)",
        "news.ordered)",
        FAMILIES,
    ),
    Mutant(
        "a session that opens takes in no goals of others than page views",
        "owa/analytics/session_sums.py",
        "for session, mask in _stored_goals(connection, with_goals).items():",
        "for session, mask in ():",
        FAMILIES,
    ),
    Mutant(
        "an order that lost reaches no goal",
        "owa/analytics/session_sums.py",
        "for table in (ACTION, CLICK, ORDER_EVENT):",
        "for table in (ACTION, CLICK, TRANSACTION):",
        FAMILIES,
    ),
    Mutant(
        "a goal is forgotten when the next is reached",
        "owa/analytics/session_sums.py",
        "reached.get(session, 0) | sum(1 << number - 1 for number in before)",
        "reached.get(session, 0)",
        CONVERGENCE,
    ),
    Mutant(
        "the greatest order says what a goal is worth",
        "owa/analytics/session_sums.py",
        "least = next((order for order in orders if order.goals & bit), None)",
        "least = next((order for order in reversed(orders) if order.goals & bit), None)",
        FAMILIES,
    ),
    Mutant(
        "any order says what a goal is worth",
        "owa/analytics/session_sums.py",
        "(order for order in orders if order.goals & bit)",
        "(order for order in orders)",
        CONVERGENCE,
    ),
    Mutant(
        "a delayed order keeps to the entry that was",
        "owa/analytics/page_views.py",
        "    follow_entries(connection, entries)",
        "    follow_entries(connection, opened)",
        FAMILIES,
    ),
    Mutant(
        "a delayed order does not ask who opened its session",
        "owa/analytics/orders.py",
        "        follow_entries(connection, news.ordered)",
        "        pass",
        FAMILIES,
    ),
    Mutant(
        "every order follows the entry",
        "owa/analytics/order_entries.py",
        "TRANSACTION.c.original_session.is_not(None)",
        "TRANSACTION.c.id.is_not(None)",
        CONVERGENCE,
    ),
    Mutant(
        "orders of two sites are one",
        "owa/analytics/order.py",
        "name = _SEPARATOR.join((event.site_id, order_id.strip() or str(event.guid)))",
        "name = order_id.strip() or str(event.guid)",
        FAMILIES,
    ),
    Mutant(
        "of equal items the last counts",
        "owa/analytics/order.py",
        "                first[name] = _sum(first[name], item[name])",
        "                first[name] = item[name]",
        FAMILIES,
    ),
    Mutant(
        "an action does not wait for its session",
        "owa/analytics/facts.py",
        "            handled.waiting = waiting(facts, opened)",
        "            pass",
        FAMILIES,
    ),
    Mutant(
        "clicks reach no goals while their session is open",
        "owa/analytics/facts.py",
        "            if family.reaches_goals:",
        "            if False:",
        FAMILIES,
    ),
    Mutant(
        "only page views tell a visitor's first session",
        "owa/analytics/facts.py",
        "        store_visitors(connection, context, facts)",
        "        pass",
        FAMILIES,
    ),
    Mutant(
        "the id of a place has separators",
        "owa/analytics/aspects.py",
        'return text_id(place.replace(SEPARATOR, ""))',
        "return text_id(place)",
        FAMILIES,
    ),
    Mutant(
        "half a cent is cut off",
        "owa/analytics/properties.py",
        'quantize(Decimal("0.01"), ROUND_HALF_UP)',
        'quantize(Decimal("0.01"), "ROUND_DOWN")',
        FAMILIES,
    ),
    Mutant(
        "follow-ups count as receipts",
        "owa/processing/ledger.py",
        "            if remaining is Remaining.FOLLOW_UP:",
        "            if False:",
        "tests/integration/test_follow_ups.py",
    ),
    # merges
    Mutant(
        "the last page of a session is the last that came",
        "owa/analytics/sessions.py",
        "return view if best is None or view.key > best.key else best",
        "return view",
        SCHEDULES,
    ),
    Mutant(
        "what is stored as last gives way to anything",
        "owa/analytics/merges.py",
        "new_key < old_key if less else new_key > old_key)",
        "new_key < old_key if less else new_key != old_key)",
        SCHEDULES,
    ),
    Mutant(
        "the latest entry is the session's",
        "owa/analytics/sessions.py",
        "return and_(new.entry_at.is_not(None), new_key < old_key)",
        "return and_(new.entry_at.is_not(None), new_key > old_key)",
        SCHEDULES,
    ),
    Mutant(
        "an adopted entry ranks as one with the flag",
        "owa/analytics/sessions.py",
        "return (int(self.flagged is None), *entry.key) if entry else None",
        "return (0, *entry.key) if entry else None",
        SCHEDULES,
    ),
    Mutant(
        "duplicates count",
        "owa/analytics/facts.py",
        "if event.guid in stored or event.guid in new:",
        "if event.guid in new:",
        PAGE_VIEWS,
    ),
    Mutant(
        "a dimension has the greatest text",
        "owa/analytics/merges.py",
        "less = new[text] < old[text]",
        "less = new[text] > old[text]",
        SCHEDULES,
    ),
    Mutant(
        "a visitor keeps a last session whose entry has moved",
        "owa/analytics/page_views.py",
        "    recompute_last_sessions(connection, {*changed, *former}, context)",
        "    pass",
        PAGE_VIEWS,
    ),
    # positions
    Mutant(
        "the position moves wherever it is",
        "owa/queues/positions.py",
        ".where(table.c.queue_id == self._queue_id, table.c.segment == segment, table.c.position == old)",
        ".where(table.c.queue_id == self._queue_id, table.c.segment == segment)",
        FILE_QUEUE,
    ),
    Mutant(
        "nobody looks whether the position moved",
        "owa/queues/positions.py",
        "if moved.rowcount != 1:",
        "if moved.rowcount < 0:",
        FILE_QUEUE,
    ),
    Mutant(
        "a batch is not acknowledged",
        "owa/processing/processor.py",
        "            batch.acknowledge(connection)",
        "            pass",
        FAULTS,
    ),
    Mutant(
        "a segment is read while it is written",
        "owa/queues/files/queue.py",
        "wait_for_writers(segment)  # also when",
        "pass  # also when",
        FAULTS,
    ),
    Mutant(
        "a writer keeps to the file that was rotated away",
        "owa/queues/append.py",
        "if (now.st_dev, now.st_ino) == self._inode:",
        "if now:",
        APPEND,
    ),
    Mutant(
        "after a burst a writer does not look whether its file was rotated away",
        "owa/queues/append.py",
        "                self._is_locked = False\n                fcntl.flock(self._descriptor, fcntl.LOCK_UN)\n",
        "                fcntl.flock(self._descriptor, fcntl.LOCK_UN)\n",
        APPEND,
    ),
    Mutant(
        "who shares a sync is answered before it",
        "owa/queues/files/queue.py",
        "self._appender.sync()",
        "pass",
        SHARED_SYNCS,
    ),
    Mutant(
        "a failed sync is told only to the one who did it",
        "owa/queues/together.py",
        "batch.failure = error",
        "raise",
        SHARED_SYNCS,
    ),
    # leases
    Mutant(
        "a stale lease settles",
        "owa/modules/database_queue/leases.py",
        "if held != len(lease.items):",
        "if held < 0:",
        LEASES,
    ),
    Mutant(
        "anybody's lease will do",
        "owa/modules/database_queue/leases.py",
        "where(mine, QUEUE_ITEM.c.lease_token == lease.token)",
        "where(mine, QUEUE_ITEM.c.lease_token.is_not(None))",
        LEASES,
    ),
    Mutant(
        "leased events stay due",
        "owa/modules/database_queue/leases.py",
        "values(not_before_timestamp=until, **leased)",
        "values(not_before_timestamp=now, **leased)",
        LEASES,
    ),
    Mutant(
        "force takes what others have leased",
        "owa/modules/database_queue/leases.py",
        "        due = and_(due, func.coalesce(table.lease_until, 0) <= now)",
        "        pass",
        RETRY_QUEUE,
    ),
    Mutant(
        "a stale runner renews its lease",
        "owa/db/jobs.py",
        "mine = update(JOB_LEASE).where(JOB_LEASE.c.job == job, JOB_LEASE.c.token == token)",
        "mine = update(JOB_LEASE).where(JOB_LEASE.c.job == job)",
        SCHEDULER,
    ),
    Mutant(
        "a job's lease never ends",
        "owa/db/jobs.py",
        'if held and held["until"] > now and not has_ended(held["owner"]):',
        'if held and not has_ended(held["owner"]):',
        SCHEDULER,
    ),
    # waking
    Mutant(
        "no re-check of new waiters",
        "owa/processing/processor.py",
        "        report.woken += self._recheck(report.waited_for)\n        return report\n\n    def store_now",
        "        return report\n\n    def store_now",
        "tests/integration/test_waking.py",
    ),
    Mutant(
        "opening a session wakes nobody",
        "owa/processing/fates.py",
        "woken = self._retries.wake(connection, stored.opened, context.now)",
        "woken = 0",
        PAGE_VIEWS,
    ),
    Mutant(
        "the woken are left to the next drain",
        "owa/processing/drain.py",
        "                if report.woken:",
        "                if False:",
        "tests/integration/test_waking.py",
    ),
    Mutant(
        "who was given up waiting is never revived",
        "owa/modules/database_queue/waiting.py",
        "statement.values(status=UNHANDLED, waits_for=None, not_before_timestamp=now)",
        "statement.values(waits_for=None, not_before_timestamp=now)",
        ORPHANS,
    ),
    Mutant(
        "the sweep looks at the first keys only",
        "owa/processing/processor.py",
        "            last = keys[-1]",
        "            return woken",
        "tests/integration/test_waking.py",
    ),
    Mutant(
        "waiting is an attempt",
        "owa/modules/database_queue/inserts.py",
        '"waiting_since", "remaining", "discarded_at", *NO_LEASE}',
        '"waiting_since", "remaining", "discarded_at", "failed_attempt_count", "failing_since", *NO_LEASE}',
        RETRY_QUEUE,
    ),
    Mutant(
        "a pause makes orphans",
        "owa/processing/orphans.py",
        "        self.account_for_outage()\n        before",
        "        before",
        ORPHANS,
    ),
    # the ledger
    Mutant(
        "a writer's last number is the last that came",
        "owa/db/receipts.py",
        "case((new > old, new), else_=old)",
        "new",
        LEDGER,
    ),
    # failed events
    Mutant(
        "a discarded event's row is not missed",
        "owa/processing/acts.py",
        "reason=failed.remaining.value,",
        'reason="",',
        FAILED_EVENTS,
    ),
    Mutant(
        "a retried event keeps its age",
        "owa/modules/database_queue/failed.py",
        '"failing_since": None,',
        "",
        RETRY_QUEUE,
    ),
    Mutant(
        "one that has waited in vain is due when it is retried",
        "owa/modules/database_queue/failed.py",
        '"not_before_timestamp": case((waits, None), else_=now),',
        '"not_before_timestamp": now,',
        RETRY_QUEUE,
    ),
)
