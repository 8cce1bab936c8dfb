"""Whether the parts of a classifier or regressor that came from a file make one."""

from __future__ import annotations

import numpy as np

from ssmts.data import Series
from ssmts.models.whole_series.features import CaseFeatures
from ssmts.models.whole_series.fitted import FittedCases

__all__ = ["check_cases"]

_LENGTHS = (2, 16)  # observations of the cases of a rehearsal


def check_cases(fitted: FittedCases) -> None:
    """Raise unless a model describes itself soundly and answers two usual cases with numbers.

    Raises
    ------
    Exception
        Of whatever kind the part raises that does not fit the others.
    """
    read, n_channels = fitted.model.input, len(fitted.layout.channels)
    step = read.step
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < np.inf:
        raise ValueError(f"step is {step!r:.80}, not a positive number")
    if read.scale.shape != (n_channels,) or not ((read.scale > 0) & (read.scale < np.inf)).all():
        raise ValueError(f"scale is not a positive number for each of {n_channels} channels")
    if not isinstance(fitted.history, dict):
        raise TypeError("history is no dictionary")
    features = getattr(fitted.model, "features", None)
    if isinstance(features, CaseFeatures) and not np.isfinite(features.thresholds).all():
        raise ValueError("thresholds of features are not finite")
    early = fitted.early
    if early is not None and not (
        early.ages.shape == early.weights.shape
        and (np.diff(early.ages) > 0).all()
        and ((early.weights >= 0) & (early.weights <= 1)).all()
    ):
        raise ValueError("early answers have no weight from 0 to 1 at increasing ages")
    factors = (fitted.linear_factor, fitted.deep_factor, fitted.scale, fitted.mean)
    if not all(isinstance(one, int | float) and np.isfinite(one) for one in factors):
        raise ValueError("factors, scale and mean are not finite numbers")
    if fitted.classes is not None and (
        fitted.classes.ndim != 1 or len(set(fitted.classes.tolist())) < len(fitted.classes)
    ):
        raise ValueError("labels are not one list of different ones")
    waves = [np.repeat(np.sin(np.arange(float(n)))[:, None], n_channels, axis=1) for n in _LENGTHS]
    clocks = [np.arange(len(wave), dtype=np.float64) * step for wave in waves]
    cases = [Series(k, times, wave * read.scale) for k, (times, wave) in enumerate(zip(clocks, waves))]
    with np.errstate(all="ignore"):
        answers = fitted(read(cases))
        expected = (len(cases), 1 if fitted.classes is None else len(fitted.classes))
    if answers.shape != expected or not np.isfinite(answers).all():
        raise ValueError(f"its answers to {len(cases)} waves are not {expected} finite numbers")
    fitted.decide(answers)
