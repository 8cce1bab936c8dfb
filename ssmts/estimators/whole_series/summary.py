"""What the fit of a classifier or regressor chose, and its errors on left-out cases."""

from __future__ import annotations

from typing import Any

from ssmts.estimators.summary import Summary
from ssmts.models.whole_series.fitted import FittedCases

__all__ = ["summarised"]

_CHOICES = {
    "n_readouts": "readouts",
    "penalty": "penalty",
}
_ERRORS = {
    "left_out_accuracy": "accuracy",
    "left_out_log_loss": "log loss",
    "left_out_rmse": "root mean squared error",
    "left_out_mse": "mean squared error",
}
_MOST_NAMES = 5


def summarised(name: str, fitted: FittedCases) -> Summary:
    """The summary of a classifier or regressor of class `name`."""
    layout, history = fitted.layout, fitted.history
    channels = [str(channel) for channel in layout.channels]
    more = f", ... ({len(channels)})" if len(channels) > _MOST_NAMES else ""
    data: dict[str, Any] = {"channels": ", ".join(channels[:_MOST_NAMES]) + more}
    if fitted.classes is not None:
        classes = [str(label) for label in fitted.classes]
        shown = ", ".join(classes[:_MOST_NAMES]) + (", ..." if len(classes) > _MOST_NAMES else "")
        data["classes"] = f"{len(classes)}: {shown}"
    linear = history.get("linear", {})
    chosen: dict[str, Any] = {"step": layout.clock.short_duration(float(fitted.model.input.step))}
    chosen |= {label: linear[key] for key, label in _CHOICES.items() if key in linear}
    deep = history.get("deep")
    if deep is not None:
        accepted = deep.get("accepted", False)
        chosen["deep branch"] = "kept" if accepted else f"left out: {deep.get('reason', 'no gain')}"
    errors = {label: float(linear[key]) for key, label in _ERRORS.items() if key in linear}
    if "root mean squared error" in errors or "accuracy" in errors:
        errors.pop("mean squared error", None)
    parts = {"data": data, "chosen": chosen, "on left-out cases": errors}
    return Summary(name, {part: values for part, values in parts.items() if values})
