"""Trainings for visitors of a server: one process of low priority teaches, one order after another.

A training in a thread of the server would slow everybody down, so that no thread of it trains. What goes to the
process and comes back are lines of JSON, checked at both ends; nothing is pickled. `Worker` is the server's side: a
bounded queue, one order for each visitor, and a new process where one was killed.
"""

from memviz.worker.client import BusyError, Job, Worker
from memviz.worker.orders import (
    MOST_ABREAST,
    MOST_BATCH,
    MOST_LESSONS,
    MOST_SECONDS,
    MOST_UNITS,
    MOST_UPDATES,
    MOST_WORK,
    STEPPED_TIME,
    Lesson,
    Order,
)
from memviz.worker.standing import STATES, Standing

__all__ = [
    "MOST_ABREAST",
    "MOST_BATCH",
    "MOST_LESSONS",
    "MOST_SECONDS",
    "MOST_UNITS",
    "MOST_UPDATES",
    "MOST_WORK",
    "STATES",
    "STEPPED_TIME",
    "BusyError",
    "Job",
    "Lesson",
    "Order",
    "Standing",
    "Worker",
]
