"""Frames that are well, and what may be wrong with them: up to three faults by chance."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.faults.values import CELLS, FRAMES, NAMES, ZONED, pick

__all__ = ["SHAPES", "broken"]

N = 60
STAMPS = pd.date_range("2024-01-01", periods=N, freq="h", name="ds")
_NOISE = np.random.default_rng(0).normal(size=(N, 3))
_VALUES = np.sin(np.arange(N)[:, None] / [4.0, 5.0, 7.0]) + 0.1 * _NOISE

Generator = np.random.Generator


def _long() -> pd.DataFrame:
    return pd.DataFrame(
        {"unique_id": np.repeat(["p", "q"], N), "ds": [*STAMPS, *STAMPS], "y": _VALUES[:, :2].T.ravel()}
    )


def _wide() -> pd.DataFrame:
    return pd.DataFrame(_VALUES[:, :2], STAMPS, ["a", "b"])


# name: a well-formed input, parameters of the forecaster
SHAPES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "wide": (_wide, {}),
    "series": (lambda: _wide()["a"], {}),
    "long": (_long, {}),
    "columns": (lambda: _wide().reset_index(), {"time_col": "ds"}),
    "zoned": (lambda: _wide().tz_localize("Europe/Berlin"), {}),
    "periods": (lambda: _wide().set_axis(pd.period_range("2024-01-01", periods=N, freq="D")), {}),
    "months": (lambda: _wide().set_axis(pd.date_range("2019-01-01", periods=N, freq="MS")), {}),
    "numbers": (lambda: _wide().set_axis(np.arange(N) * 0.5), {}),
    "array": (lambda: _VALUES[:, 0].copy(), {}),
    "arrays": (lambda: _VALUES.T[:, :, None].copy(), {}),
    "channels": (
        lambda: _wide().melt(ignore_index=False, var_name="which", value_name="v").reset_index(),
        {"time_col": "ds", "channel_col": "which"},
    ),
    "future": (
        lambda: _wide().assign(c=_VALUES[:, 2], k=pd.Categorical(np.arange(N) % 3)),
        {"target_cols": ["a"], "future_covariates": ["c", "k"], "past_covariates": ["b"]},
    ),
    "long future": (
        lambda: _long().assign(c=np.tile(_VALUES[:, 2], 2), s=np.repeat(["m", "n"], N)),
        {
            "id_col": "unique_id",
            "time_col": "ds",
            "target_cols": ["y"],
            "future_covariates": "c",
            "static_covariates": "s",
            "calendar": True,
        },
    ),
    "polars": (lambda: pl.DataFrame(_wide().reset_index()), {"time_col": "ds"}),
    "polars long": (lambda: pl.DataFrame(_long()), {}),
}


def broken(rng: Generator, X: Any) -> Any:
    """A copy of X with up to three faults."""
    if rng.random() < 0.05:
        return pick(rng, FRAMES)()
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.2, 0.55, 0.2, 0.05]))):
        faults = _faults_of(X)
        if not faults:
            break
        # a fault that the frame's own library refuses is none
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            X = pick(rng, faults)(rng, X)
    return X


def _faults_of(X: Any) -> tuple[Callable[[Generator, Any], Any], ...]:
    if isinstance(X, pd.DataFrame):
        return (*_CELLS, *_ROWS, *_INDEX, *_COLUMNS, *_FORMS)
    if isinstance(X, pd.Series):
        return (*_ROWS, *_INDEX, lambda rng, X: X.to_frame(), lambda rng, X: X.rename(pick(rng, NAMES)))
    if isinstance(X, pl.DataFrame):
        return _POLARS
    return _ARRAYS if isinstance(X, np.ndarray) else ()


def _column(rng: Generator, X: Any) -> Any:
    return X.columns[int(rng.integers(len(X.columns)))]


def _set_cell(rng: Generator, X: pd.DataFrame) -> pd.DataFrame:
    name, items = _column(rng, X), CELLS
    column = X[name].astype(object).copy()
    column.iloc[int(rng.integers(len(X)))] = pick(rng, items)
    return X.assign(**{name: column}) if isinstance(name, str) else X


def _set_float(rng: Generator, X: pd.DataFrame) -> pd.DataFrame:
    X = X.copy()
    numbers = [k for k, dtype in enumerate(X.dtypes) if dtype == np.float64]
    value = pick(rng, (np.nan, np.inf, -np.inf, 1e300, 1e38, 5e-324))
    X.iloc[int(rng.integers(len(X))) :: pick(rng, (1, 2, 10, N)), int(rng.choice(numbers))] = value
    return X


DTYPES: tuple[Any, ...] = (
    *(object, str, "string", "category", "Int64", "Float32", "Float64", "boolean", bool, complex),
    *("float16", "float32", "int8", "uint64", np.longdouble, "M8[ns]", "M8[s]", "m8[ns]"),
    *("double[pyarrow]", "int64[pyarrow]", "string[pyarrow]", "timestamp[us][pyarrow]", "bool[pyarrow]"),
    *("date32[day][pyarrow]", "Sparse[float]", "period[h]", "M8[ns, UTC]", "bytes", "V8", "null[pyarrow]"),
    "decimal128(20, 3)[pyarrow]",
)


def _retype(rng: Generator, X: pd.DataFrame) -> pd.DataFrame:
    name, dtype = _column(rng, X), pick(rng, DTYPES)
    try:
        column = X[name].astype(dtype)
    except (TypeError, ValueError, OverflowError):
        column = pd.Series(np.arange(len(X)) % 5, X.index).astype(dtype)
    return X.assign(**{name: column})


def _fill(rng: Generator, X: pd.DataFrame) -> pd.DataFrame:
    return X.assign(**{_column(rng, X): pd.Series([pick(rng, CELLS)] * len(X), X.index)})


_CELLS = (_set_cell, _set_float, _retype, _fill)

_ROWS: tuple[Callable[[Generator, Any], Any], ...] = (
    lambda rng, X: X.head(pick(rng, (0, 1, 2, 3, 5, 13, 59))),
    lambda rng, X: X.tail(pick(rng, (1, 2, 3, 5, 13))),
    lambda rng, X: X.iloc[::-1],
    lambda rng, X: X.sample(frac=1.0, random_state=int(rng.integers(1000))),
    lambda rng, X: pd.concat([X, X.iloc[[int(rng.integers(len(X)))]]]),
    lambda rng, X: pd.concat([X, X]),
    lambda rng, X: X.drop(X.index[3:50]),
    lambda rng, X: X.sample(20, random_state=int(rng.integers(1000))).sort_index(),
    lambda rng, X: X.iloc[:: pick(rng, (2, 7, 29))],
    lambda rng, X: X * pick(rng, (0.0, 1e300, 1e-300, np.nan, -1.0)),
)


def _stamps(rng: Generator, n: int) -> Any:
    """An index of n times, or of what is none."""
    hours = pd.date_range("2024-01-01", periods=n, freq="h")
    return pick(
        rng,
        (
            lambda: pd.RangeIndex(n),
            lambda: pd.Index(np.arange(n) * 0.1),
            lambda: pd.Index([np.nan, *range(1, n)]),
            lambda: pd.Index([np.inf, *range(1, n)]),
            lambda: pd.Index(np.arange(n) + 2**60),
            lambda: pd.Index(np.arange(n, dtype=np.uint8)),
            lambda: pd.Index(np.arange(n) % 2 == 0),
            lambda: pd.Index([f"s{k}" for k in range(n)]),
            lambda: pd.Index(hours.astype(str)),
            lambda: pd.Index(hours.date),
            lambda: pd.Index(hours.to_pydatetime(), dtype=object),
            lambda: pd.Index([ZONED, *hours[1:]], dtype=object),
            lambda: pd.Index([hours[0], *hours[1:].astype(str)], dtype=object),
            lambda: hours.tz_localize(pick(rng, ("UTC", "Europe/Berlin", "Asia/Kathmandu", "+05:30"))),
            lambda: pd.DatetimeIndex([pd.NaT, *hours[1:]]),
            lambda: pd.DatetimeIndex([hours[0]] * n),
            lambda: hours.as_unit(pick(rng, ("s", "ms", "us", "ns"))),
            lambda: pd.DatetimeIndex(np.arange(n).astype("M8[s]") + np.timedelta64(10**11, "s")),
            lambda: pd.DatetimeIndex(np.arange(n).astype("M8[ns]")),
            lambda: pd.DatetimeIndex(np.arange(n).cumsum().astype("M8[ns]")),
            lambda: pd.date_range("1678-01-01", "2262-01-01", periods=n),
            lambda: pd.date_range("2024-01-01", periods=n, freq=pick(rng, ("YS", "ME", "QS", "B", "W", "s"))),
            lambda: pd.period_range("2024-01-01", periods=n, freq=pick(rng, ("M", "D", "h", "Y", "W"))),
            lambda: pd.timedelta_range("0h", periods=n, freq="h"),
            lambda: pd.CategoricalIndex(hours),
            lambda: pd.interval_range(0, n),
            lambda: pd.MultiIndex.from_product([["p"], hours], names=["unique_id", "ds"]),
            lambda: pd.MultiIndex.from_arrays([hours, hours]),
            lambda: pd.Index([(1, 2)] * n, tupleize_cols=False),
            lambda: pd.Index(hours, dtype="timestamp[ns][pyarrow]"),
            lambda: hours + pd.Timedelta("400D"),
            lambda: hours - pd.Timedelta("400D"),
            lambda: hours + pd.to_timedelta(rng.random(n), unit="h"),
        ),
    )()


_INDEX: tuple[Callable[[Generator, Any], Any], ...] = (
    lambda rng, X: X.set_axis(_stamps(rng, len(X))),
    lambda rng, X: X.set_axis(_stamps(rng, len(X))),
    lambda rng, X: X.rename_axis(pick(rng, NAMES)),
    lambda rng, X: X.set_axis(_stamps(rng, len(X)).rename("ds")).reset_index(),
    lambda rng, X: X.assign(ds=np.asarray(_stamps(rng, len(X)))),
    lambda rng, X: X.assign(ds=_stamps(rng, len(X))),
    lambda rng, X: X.tz_localize("UTC"),
    lambda rng, X: X.shift(1, freq="37min"),
)

_COLUMNS: tuple[Callable[[Generator, Any], Any], ...] = (
    lambda rng, X: X.rename(columns={_column(rng, X): pick(rng, NAMES)}),
    lambda rng, X: X.rename(columns={_column(rng, X): pick(rng, NAMES)}),
    lambda rng, X: X.rename_axis(columns=pick(rng, NAMES)),
    lambda rng, X: X.drop(columns=[_column(rng, X)]),
    lambda rng, X: X.assign(extra=pick(rng, CELLS)),
    lambda rng, X: X.assign(**{str(pick(rng, NAMES)): np.arange(len(X), dtype=float)}),
    lambda rng, X: X[[*X.columns, X.columns[0]]],
    lambda rng, X: X[X.columns[::-1]],
    lambda rng, X: X.set_axis(pd.MultiIndex.from_product([["u"], X.columns]), axis=1),
    lambda rng, X: X.set_axis(pd.CategoricalIndex(X.columns), axis=1),
    lambda rng, X: X.set_axis(pd.date_range("2024", periods=len(X.columns)), axis=1),
    lambda rng, X: X.set_axis(range(len(X.columns)), axis=1),
    lambda rng, X: X.T,
    lambda rng, X: X.assign(unique_id=_ids(rng, len(X))),
    lambda rng, X: X.assign(unique_id=_ids(rng, len(X))),
)


def _ids(rng: Generator, n: int) -> Any:
    """A column of n ids, or of what is none."""
    return pick(
        rng,
        (
            lambda: np.arange(n),
            lambda: np.zeros(n),
            lambda: np.repeat([1.5, np.nan], [n // 2, n - n // 2]),
            lambda: [pick(rng, CELLS) for _ in range(n)],
            lambda: [pick(rng, CELLS)] * n,
            lambda: [1, "1"] * (n // 2) + ["1"] * (n % 2),
            lambda: pd.Categorical(["p"] * n, ["q", "p"]),
            lambda: pd.Categorical(["p"] * (n - 1) + [None], ["q", "p"]),
            lambda: np.arange(n).astype("M8[D]"),
            lambda: pd.array(["p"] * (n - 1) + [None], dtype="string"),
            lambda: pd.array([7] * n, dtype="Int64"),
            lambda: np.array(["p", ""] * n)[:n],
            lambda: [frozenset({1})] * n,
            lambda: ["a\x00"] * n,
        ),
    )()


def _index_out(rng: Generator, X: pd.DataFrame) -> Any:
    return pl.DataFrame(X.reset_index())


_FORMS: tuple[Callable[[Generator, Any], Any], ...] = (
    lambda rng, X: X.to_numpy(),
    lambda rng, X: X.iloc[:, 0],
    lambda rng, X: X.to_dict(),
    lambda rng, X: X.values.tolist(),
    lambda rng, X: X.to_records(),
    lambda rng, X: X.reset_index(),
    lambda rng, X: X.set_index(_column(rng, X)),
    lambda rng, X: X.melt(),
    lambda rng, X: X.melt(ignore_index=False).reset_index(),
    lambda rng, X: X.stack(),
    lambda rng, X: X.groupby(_column(rng, X)),
    lambda rng, X: X.convert_dtypes(dtype_backend="pyarrow"),
    lambda rng, X: X.convert_dtypes(),
    lambda rng, X: X.astype(object),
    lambda rng, X: X.to_string(),
    lambda rng, X: [X],
    lambda rng, X: pl.from_pandas(X).lazy(),
    _index_out,
    _index_out,
)


# polars panics, and prints so, on a decimal that is no number
_POLARS_CELLS = tuple(cell for cell in CELLS if not (isinstance(cell, Decimal) and cell.is_nan()))


def _retype_polars(rng: Generator, X: pl.DataFrame) -> pl.DataFrame:
    dtype = pick(
        rng,
        (
            *(pl.String, pl.Categorical, pl.Enum(["p", "q"]), pl.Float32, pl.Int8, pl.UInt64, pl.Int128),
            *(pl.Boolean, pl.Date, pl.Time, pl.Duration, pl.Datetime("ms"), pl.Datetime("us", "UTC")),
            *(pl.Decimal(20, 3), pl.Null, pl.Binary, pl.List(pl.Float64), pl.Object),
        ),
    )
    return X.with_columns(pl.col(_column(rng, X)).cast(dtype, strict=False))


def _cell_polars(rng: Generator, X: pl.DataFrame) -> pl.DataFrame:
    name, row = _column(rng, X), int(rng.integers(len(X)))
    items = X[name].to_list()
    items[row] = pick(rng, _POLARS_CELLS)
    return X.with_columns(pl.Series(name, items, strict=False))


_POLARS: tuple[Callable[[Generator, Any], Any], ...] = (
    _retype_polars,
    _retype_polars,
    _cell_polars,
    _cell_polars,
    lambda rng, X: X.with_columns(pl.lit(pick(rng, _POLARS_CELLS)).alias(_column(rng, X))),
    lambda rng, X: X.with_columns(
        pl.Series(_column(rng, X), [pick(rng, _POLARS_CELLS)] * len(X), dtype=pl.Object)
    ),
    lambda rng, X: X.rename({_column(rng, X): str(pick(rng, NAMES))}),
    lambda rng, X: X.drop(_column(rng, X)),
    lambda rng, X: X.with_columns(pl.lit(pick(rng, _POLARS_CELLS)).alias("extra")),
    lambda rng, X: X.select(pl.all().implode()),
    lambda rng, X: X.select(pl.struct(pl.all()).alias("a")),
    lambda rng, X: X.head(pick(rng, (0, 1, 2, 3, 5))),
    lambda rng, X: X.reverse(),
    lambda rng, X: pl.concat([X, X]),
    lambda rng, X: X.sample(fraction=0.5, seed=int(rng.integers(1000))),
    lambda rng, X: X.lazy(),
    lambda rng, X: X.to_pandas(),
    lambda rng, X: X.to_numpy(),
    lambda rng, X: X.to_dict(),
    lambda rng, X: X.to_arrow(),
    lambda rng, X: X.to_series(0),
    lambda rng, X: X.transpose(),
    lambda rng, X: X.lazy().select(pl.col("not there")),
)

_ARRAYS: tuple[Callable[[Generator, Any], Any], ...] = (
    lambda rng, X: X[..., None],
    lambda rng, X: X.T,
    lambda rng, X: X.ravel(),
    lambda rng, X: X[None],
    lambda rng, X: X[: pick(rng, (0, 1, 2, 5))],
    lambda rng, X: X.astype(
        pick(rng, (object, str, complex, bool, "f2", "f4", "i4", "M8[s]", "m8[s]", "S8"))
    ),
    lambda rng, X: np.where(rng.random(X.shape) < 0.3, pick(rng, (np.nan, np.inf, 1e300, 0.0)), X),
    lambda rng, X: X * pick(rng, (0.0, np.nan, np.inf, 1e300, 1e-300)),
    lambda rng, X: X.tolist(),
    lambda rng, X: np.ma.masked_invalid(X),
    lambda rng, X: pd.DataFrame(X.reshape(len(X), -1)),
    lambda rng, X: pl.DataFrame(X.reshape(len(X), -1)),
    lambda rng, X: [X, X[:-1]],
    lambda rng, X: np.concatenate([X, X], axis=-1),
    lambda rng, X: X[..., ::-1],
)
