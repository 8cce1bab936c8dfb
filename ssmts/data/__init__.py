"""Frames and arrays to series, series to windows, forecasts back to frames. Knows no torch."""

from ssmts.data.duration import Step, parse_duration, parse_step, reference_step
from ssmts.data.instants import output_times, parse_instant, parse_instants
from ssmts.data.read import read_panel
from ssmts.data.series import Clock, Layout, Panel, Series, Times
from ssmts.data.windows import Window, WindowBatch, Windows
from ssmts.data.write import write_forecast

__all__ = [
    "Clock",
    "Layout",
    "Panel",
    "Series",
    "Step",
    "Times",
    "Window",
    "WindowBatch",
    "Windows",
    "output_times",
    "parse_duration",
    "parse_instant",
    "parse_instants",
    "parse_step",
    "read_panel",
    "reference_step",
    "write_forecast",
]
