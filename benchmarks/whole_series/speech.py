"""Spoken digits from the raw wave, at 8 kHz and decimated: ``python -m benchmarks.whole_series.speech``.

Recordings 10 to 49 of every digit and speaker train, 5 to 9 are the test split. A model is asked at 8 kHz,
and at 4 and 2 kHz twice: low-passed, and by plain ``[::k]``. ``closed form`` saw the 8 kHz waves;
``closed form, three rates`` saw them and their decimated copies, told apart by their times alone. ``S4D, band
dropout`` and ``S4D, rate range`` are `S4DClassifier(band_dropout=True)`, closed forms and three networks over
20 ms tokens: the first saw 8 kHz waves alone, bands of its tokens left out; the second each wave once more at
two to four times the interval (`rate_range`). ``CNN`` is a convolutional network on the raw wave (after M5 of
Dai et al., 2017), trained for as many CPU seconds as ``S4D, band dropout`` took, which reads a slower wave
interpolated to 8 kHz. Each model is stored as soon as it is done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.signal import decimate
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.output import RESULTS, log_test, markdown_table, raw_of, read_json, write_json, write_text
from ssmts import LinearSSMClassifier, S4DClassifier
from ssmts_datasets import load_spoken_digits

FOLDER = RESULTS / "speech"
RATES = (1, 2, 4)
WAYS = ("low-pass", "plain")
READOUTS = 32
LONGEST = 8000  # samples that the CNN sees

Waves = list[np.ndarray]
Predict = Callable[[Waves, int], Any]


def decimated(waves: Waves, factor: int, way: str = "low-pass") -> Waves:
    """Every k-th sample, after a low-pass filter or not."""
    if factor == 1:
        return waves
    if way == "plain":
        return [wave[::factor] for wave in waves]
    return [decimate(wave, factor, ftype="fir") for wave in waves]


def closed_form(waves: Waves, labels: Any, seed: int) -> Predict:
    """The closed form on 8 kHz waves."""
    model = LinearSSMClassifier(n_readouts=READOUTS, random_state=seed).fit(waves, labels)
    return lambda asked, factor: model.predict(asked, rate=float(factor))


def three_rates(waves: Waves, labels: Any, seed: int) -> Predict:
    """The closed form on waves at all three rates."""
    together, times = [], []
    for factor in RATES:
        own = decimated(waves, factor)
        together += own
        times += [np.arange(len(wave)) * float(factor) for wave in own]
    model = LinearSSMClassifier(n_readouts=READOUTS, random_state=seed)
    model.fit(together, np.tile(labels, len(RATES)), times=times)
    return lambda asked, factor: model.predict(
        asked, times=[np.arange(len(wave)) * float(factor) for wave in asked]
    )


def band_dropout(waves: Waves, labels: Any, seed: int) -> Predict:
    """Closed form and networks on 8 kHz waves."""
    return deep(waves, labels, seed, band_dropout=True, max_epochs=8)


def rate_range(waves: Waves, labels: Any, seed: int) -> Predict:
    """The same on 8 kHz waves and a slower copy of each: half as many epochs of twice as many cases."""
    return deep(waves, labels, seed, band_dropout=True, rate_range=(1.5, 4.5), max_epochs=4)


def deep(waves: Waves, labels: Any, seed: int, **options: Any) -> Predict:
    """An `S4DClassifier`; its shape was chosen on recordings 10 to 14 of the training split."""
    model = S4DClassifier(n_readouts=READOUTS, n_layers=3, token_stride=160.0, random_state=seed, **options)
    model.fit(waves, labels)
    return lambda asked, factor: model.predict(asked, rate=float(factor))


FITS = {
    "closed form": closed_form,
    "S4D, band dropout": band_dropout,
    "S4D, rate range": rate_range,
    "closed form, three rates": three_rates,
}


class SpeechCNN(nn.Module):
    """Convolutions over the raw wave, each followed by a pooling by four, then the mean over time."""

    def __init__(self) -> None:
        super().__init__()
        widths = [1, 64, 64, 128, 256]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, 80 if before == 1 else 3, stride=4 if before == 1 else 1)
            for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[1:])
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, waves: Tensor) -> Tensor:
        """(batch, length) to (batch, 10)."""
        hidden = waves[:, None]
        for layer, norm in zip(self.layers, self.norms):
            hidden = functional.max_pool1d(functional.relu(norm(layer(hidden))), 4)
        out: Tensor = self.head(hidden.mean(dim=-1))
        return out


def cnn(waves: Waves, labels: Any, seed: int, seconds: float) -> Predict:
    """The CNN, trained for some CPU seconds."""
    torch.manual_seed(seed)
    network, x, y = SpeechCNN(), _fixed(waves), torch.from_numpy(np.asarray(labels))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-3)
    begun = time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1.0 - spent / seconds) + 1e-5
        rows = torch.randint(len(x), (32,))
        shift = int(torch.randint(-800, 800, ()))
        loss = functional.cross_entropy(network(x[rows].roll(shift, 1)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()

    def predict(asked: Waves, factor: int) -> Any:
        at = [np.arange(len(wave) * factor) / factor for wave in asked]
        full = [np.interp(own, np.arange(len(wave)), wave) for own, wave in zip(at, asked)]
        with torch.no_grad():
            return torch.cat([network(part) for part in _fixed(full).split(32)]).argmax(dim=1).numpy()

    return predict


def _fixed(waves: Waves) -> Tensor:
    """Waves of unit deviation, cut or filled with silence to one second."""
    out = np.zeros((len(waves), LONGEST), dtype=np.float32)
    for row, wave in enumerate(waves):
        own = wave[:LONGEST]
        out[row, : len(own)] = own / (own.std() + 1e-6)
    return torch.from_numpy(out)


def measure(name: str, seed: int) -> dict[str, Any]:
    """Train a model, ask it at every rate."""
    train, test = load_spoken_digits().split()
    waves = [np.asarray(wave, dtype=np.float64) for wave in train.recordings]
    asked = [np.asarray(wave, dtype=np.float64) for wave in test.recordings]
    begun = time.process_time()
    if name == "CNN":
        predict = cnn(waves, train.labels, seed, _stored("S4D, band dropout", seed)["fit_seconds"])
    else:
        predict = FITS[name](waves, train.labels, seed)
    row: dict[str, Any] = {"model": name, "seed": seed, "fit_seconds": time.process_time() - begun}
    for factor in RATES:
        for way in WAYS if factor > 1 else WAYS[:1]:
            answers = predict(decimated(asked, factor, way), factor)
            row[f"{8 // factor} kHz, {way}" if factor > 1 else "8 kHz"] = float(
                np.mean(answers == test.labels)
            )
    return row


def _rows() -> list[dict[str, Any]]:
    stored = read_json(raw_of(FOLDER) / "speech.json")
    return [] if stored is None else list(stored["rows"])


def _stored(name: str, seed: int) -> dict[str, Any]:
    return next(row for row in _rows() if row["model"] == name and row["seed"] == seed)


def table() -> None:
    """Write the table."""
    rows = _rows()
    columns = [name for name in rows[0] if "kHz" in name]
    cells = []
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        values = [f"{100 * np.mean([row[column] for row in own]):.1f}" for column in columns]
        cells.append([name, *values, f"{np.mean([row['fit_seconds'] for row in own]):.0f}", str(len(own))])
    head = ["model", *(f"{column}, %" for column in columns), "fit, CPU s", "seeds"]
    text = (
        f"# Spoken digits\n\n`python -m benchmarks.whole_series.speech`\n\n{__doc__.split(chr(10), 2)[2]}\n"
    )
    write_text(FOLDER / "README.md", text + markdown_table(head, cells))


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    models = ["S4D, band dropout", "S4D, rate range", "CNN", "closed form", "closed form, three rates"]
    parser.add_argument("--models", nargs="+", default=models, choices=models)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args(arguments)
    for seed in options.seeds:
        for name in options.models:
            if any(row["model"] == name and row["seed"] == seed for row in _rows()):
                continue
            log_test(["python -m benchmarks.whole_series.speech --models", repr(name), "--seeds", str(seed)])
            row = measure(name, seed)
            print(row, flush=True)
            write_json(raw_of(FOLDER) / "speech.json", {"rows": [*_rows(), row]})
            table()


if __name__ == "__main__":
    main()
