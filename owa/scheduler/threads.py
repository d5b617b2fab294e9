"""The threads of jobs: one for each run, so that a long one holds up no other job."""

import sys
from threading import Lock, Thread, current_thread, main_thread
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job


class JobThreads(BaseExecutor):  # type: ignore[misc] # APScheduler has no types
    """An executor whose threads do not keep the process from ending: killed at any instant, a job of OWA's loses
    nothing, and one of a module may hang.

    APScheduler's own pool refuses a job, with a traceback in the log, while the interpreter ends around it.
    """

    def __init__(self, *, awaited: bool) -> None:
        """`awaited`: whether an orderly shutdown waits for the runs that are under way."""
        super().__init__()
        self._awaited = awaited
        self._running: set[Thread] = set()
        self._running_lock = Lock()

    def shutdown(self, wait: bool = True) -> None:
        if wait and self._awaited:
            with self._running_lock:
                running = list(self._running)
            for thread in running:
                thread.join()

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        if not main_thread().is_alive():
            return  # the process ends: others will have its jobs
        thread = Thread(target=self._work, args=(job, run_times), name=f"job-{job.id}", daemon=True)
        with self._running_lock:
            self._running.add(thread)
        thread.start()

    def _work(self, job: Any, run_times: Any) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except BaseException:
            self._run_job_error(job.id, *sys.exc_info()[1:])
        else:
            self._run_job_success(job.id, events)
        finally:
            with self._running_lock:
                self._running.discard(current_thread())
