"""Frames and arrays to panels of series, and forecasts back to frames. Imports no torch."""

from ssmts.data._convert import is_integer, is_number, to_float
from ssmts.data._roles import as_names
from ssmts.data._table import collected
from ssmts.data.calendar import Calendar
from ssmts.data.case_kinds import collected_cases, is_long, is_table
from ssmts.data.cases import case_step, read_cases
from ssmts.data.covariate_rows import (
    covariates_since,
    merge_covariates,
    new_covariates,
    read_covariate_row,
    write_panel,
)
from ssmts.data.covariates import (
    CovariateColumns,
    attach_covariates,
    read_covariates,
    without_columns,
)
from ssmts.data.duration import Step, parse_context, parse_duration, parse_horizon, parse_step, reference_step
from ssmts.data.instants import output_times, parse_instant, parse_instants, times_between
from ssmts.data.offsets import longest_reach
from ssmts.data.read import read_panel
from ssmts.data.row_groups import read_row_groups
from ssmts.data.rows import read_row_values
from ssmts.data.series import Clock, Covariates, Layout, Panel, Series, Times
from ssmts.data.tidy import TidyForecasts, write_contributions, write_tidy
from ssmts.data.write import write_forecast

__all__ = [
    "Calendar",
    "Clock",
    "CovariateColumns",
    "Covariates",
    "Layout",
    "Panel",
    "Series",
    "Step",
    "TidyForecasts",
    "Times",
    "as_names",
    "attach_covariates",
    "covariates_since",
    "merge_covariates",
    "new_covariates",
    "case_step",
    "collected",
    "collected_cases",
    "is_long",
    "is_table",
    "is_integer",
    "is_number",
    "longest_reach",
    "output_times",
    "parse_context",
    "parse_duration",
    "parse_horizon",
    "parse_instant",
    "parse_instants",
    "parse_step",
    "read_covariate_row",
    "read_covariates",
    "read_cases",
    "read_panel",
    "read_row_groups",
    "read_row_values",
    "reference_step",
    "times_between",
    "to_float",
    "without_columns",
    "write_contributions",
    "write_forecast",
    "write_panel",
    "write_tidy",
]
