"""Forked processes compute with one thread: the pool of OpenMP threads does not survive a fork.

Without it the first parallel operation of torch in a child of a process that has used torch waits for ever.
"""

import os

import torch


def _one_thread() -> None:
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_one_thread)
