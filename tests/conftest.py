"""One thread a test process: figures do not hang on the machine, and tests beside each other do not crowd it."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before the libraries are loaded; processes that tests start inherit it

import torch

torch.set_num_threads(1)
