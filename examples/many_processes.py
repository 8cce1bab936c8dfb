"""Train the deep branch in several processes, each with a part of every batch.

On one machine, and on two (this line on both, with the address of one of them):

    torchrun --nproc-per-node=2 examples/many_processes.py
    torchrun --nproc-per-node=2 --nnodes=2 --rdzv-backend=c10d --rdzv-endpoint=10.0.0.1:29500 FILE
"""

from __future__ import annotations

import os

import torch

from ssmts import S4Forecaster
from ssmts_datasets import make_sines


def main() -> None:
    """Fit in the processes that torchrun started, and let the first one save the model."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    all_ = int(os.environ.get("WORLD_SIZE", 1))
    train = make_sines(2000, periods=[24.0, 9.0], noise=0.1, random_state=0).frame
    model = S4Forecaster(
        horizon=12, context_length=96, d_model=32, d_state=16, n_layers=1, max_epochs=2, batch_size=256,
        device="cpu", devices=here, strategy="ddp" if all_ > 1 else "auto", random_state=0,
    )  # fmt: skip
    model.fit(train)
    if int(os.environ.get("RANK", 0)) == 0:
        model.save("many_processes.safetensors")
        losses = [epoch["validation_loss"] for epoch in model.history_["deep"]["epochs"]]
        print(f"{all_} process(es), {len(losses)} epochs; validation losses", *(f"{x:.5f}" for x in losses))
    if all_ > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
