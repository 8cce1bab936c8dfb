"""All of sktime's checks on our adapters: ``python -m benchmarks.sktime_checks`` (minutes)."""

from __future__ import annotations

import sys
import warnings

from sktime.utils.estimator_checks import check_estimator

from ssmts.integrations.sktime import SktimeClassifier, SktimeForecaster, SktimeRegressor


def main() -> int:
    """Print what did not pass; 0 if all did."""
    failures = 0
    for adapter in (SktimeClassifier, SktimeRegressor, SktimeForecaster):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(adapter, verbose=False)
        bad = {name: result for name, result in results.items() if result != "PASSED"}
        print(f"{adapter.__name__}: {len(results) - len(bad)} of {len(results)} passed")
        for name, result in bad.items():
            print(f"  {name}: {result!r}")
        failures += len(bad)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
