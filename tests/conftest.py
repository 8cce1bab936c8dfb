"""One thread a test process, so that sums do not depend on the machine and parallel runs do not crowd it."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before the libraries are loaded; processes that tests start inherit it

import torch  # noqa: E402

torch.set_num_threads(1)
