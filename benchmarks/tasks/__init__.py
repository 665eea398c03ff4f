"""The tasks: what is to be classified, and the conditions under which methods are evaluated."""

from __future__ import annotations

from benchmarks.tasks.digits import DIGITS
from benchmarks.tasks.fashion_mnist import FASHION_MNIST
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import Task

__all__ = ["TASKS", "Task"]

TASKS: dict[str, Task] = {task.name: task for task in (MNIST, FASHION_MNIST, DIGITS)}
