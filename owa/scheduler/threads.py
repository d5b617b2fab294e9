"""Threads for what may never end."""

import sys
from threading import Thread
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job


class DaemonThreads(BaseExecutor):  # type: ignore[misc] # APScheduler has no types
    """An executor with a thread for each run: one that hangs holds up no other job, and no process at its end."""

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        Thread(target=self._work, args=(job, run_times), name=f"job-{job.id}", daemon=True).start()

    def _work(self, job: Any, run_times: Any) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except BaseException:
            self._run_job_error(job.id, *sys.exc_info()[1:])
        else:
            self._run_job_success(job.id, events)
