"""Figures as the papers print them, MSE and MAE: what tables put beside ours, never what ours are made of."""

from __future__ import annotations

__all__ = ["INFORMER_PROTOCOL"]

_SETS = ("ETTh1", "ETTh2", "ETTm1")
_HORIZONS = {
    "ETTh1": (24, 48, 168, 336, 720),
    "ETTh2": (24, 48, 168, 336, 720),
    "ETTm1": (24, 48, 96, 288, 672),
}

# S4 paper (Gu, Goel and Ré, ICLR 2022), tables 13 (univariate, oil temperature) and 14 (multivariate); its
# figures of Informer are those of Zhou et al. (AAAI 2021). Two lines are a set; a cell is S4's MSE and MAE,
# then Informer's.
_UNIVARIATE = """
.061 .191 .098 .247  .079 .220 .158 .319  .104 .258 .183 .346
.080 .229 .222 .387  .116 .271 .269 .435
.095 .234 .093 .240  .191 .346 .155 .314  .167 .333 .232 .389
.189 .361 .263 .417  .187 .358 .277 .431
.024 .117 .030 .137  .051 .174 .069 .203  .086 .229 .194 .372
.160 .327 .401 .554  .292 .466 .512 .644
"""
_MULTIVARIATE = """
.525 .542 .577 .549  .641 .615 .685 .625  .980 .779 .931 .752
1.407 .910 1.128 .873  1.162 .842 1.215 .896
.871 .736 .720 .665  1.240 .867 1.457 1.001  2.580 1.255 3.489 1.515
1.980 1.128 2.723 1.340  2.650 1.340 3.467 1.473
.426 .487 .323 .369  .580 .565 .494 .503  .699 .649 .678 .614
.824 .674 1.056 .786  .846 .709 1.192 .926
"""


def _read(text: str, setting: str) -> dict[tuple[str, str, int], dict[str, tuple[float, float]]]:
    cells = {}
    figures = iter(map(float, text.split()))
    for name in _SETS:
        for horizon in _HORIZONS[name]:
            cells[setting, name, horizon] = {
                "S4": (next(figures), next(figures)),
                "Informer": (next(figures), next(figures)),
            }
    return cells


INFORMER_PROTOCOL = _read(_UNIVARIATE, "univariate") | _read(_MULTIVARIATE, "multivariate")
