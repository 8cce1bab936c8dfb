"""A table of whole series in, a table of answers out: what every engine runs piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from ssmts.errors import (
    ClockMismatchError,
    ColumnError,
    DurationError,
    InputTypeError,
    MissingIdError,
    NotNumericError,
    ParameterError,
    SSMTSError,
)
from ssmts.estimators import SSMClassifier, SSMForecaster, SSMRegressor
from ssmts.wording import Described, shown

__all__ = ["ERROR", "Scorer"]

ERROR = "error"
# What is wrong with all series alike.
_OF_ALL = (
    ClockMismatchError,
    ColumnError,
    DurationError,
    InputTypeError,
    MissingIdError,
    NotNumericError,
    ParameterError,
)


@dataclass(frozen=True)
class Scorer:
    """An estimator that answers for the series of a table, and says which one it could not answer for.

    Parameters
    ----------
    model : estimator
        Fitted on a long frame; made light to be sent.
    options : dict
        Of its `predict`, and `level`.
    errors : {"raise", "record"}
    """

    model: Any
    options: dict[str, Any]
    errors: str

    @classmethod
    def of(cls, model: Any, errors: str, **options: Any) -> Scorer:
        """A scorer whose model holds no training state, which predictions do not read.

        Raises
        ------
        ParameterError
            If the model was not fitted on a long frame, or takes no such option.
        sklearn.exceptions.NotFittedError
        """
        if not isinstance(model, SSMForecaster | SSMClassifier | SSMRegressor):
            raise ParameterError("model", Described(type(model).__name__), "an estimator of ssmts")
        if not isinstance(errors, str) or errors not in ("raise", "record"):
            raise ParameterError("errors", errors, "'raise' or 'record'")
        fitted = model.fitted_
        if fitted.layout.form != "long":
            raise ParameterError(
                "model", Described("fitted on one series or an array"), "fitted on a long frame"
            )
        options = {name: value for name, value in options.items() if value is not None}
        light = copy(model)
        if isinstance(model, SSMForecaster):
            light = model.with_fitted(replace(model.fitted_, tail=None, sums=None))
        elif options:
            name, value = next(iter(options.items()))
            raise ParameterError(name, value, "None for a classifier or regressor")
        return cls(light, options, errors)

    @property
    def id_col(self) -> str:
        """Column of the ids."""
        return str(self.model.fitted_.layout.id_col)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Answers for every series: ids and what `predict` gives, and what went wrong if that is recorded."""
        parts = [pa.Table.from_pandas(part, preserve_index=False) for part in self._parts(table.to_pandas())]
        joined = pa.concat_tables(parts, promote_options="permissive").replace_schema_metadata(None)
        if self.errors == "record":  # every piece has all columns, also one without any answer
            types = self._types(table.schema)
            for name in types.keys() - set(joined.column_names):
                joined = joined.append_column(name, pa.nulls(len(joined), types[name]))
            joined = joined.select([*types, ERROR])
        return joined

    def _types(self, given: pa.Schema) -> dict[str, pa.DataType]:
        """Columns of answers, and what they hold where there is none to be seen."""
        layout = self.model.fitted_.layout
        types = {self.id_col: given.field(self.id_col).type}
        if isinstance(self.model, SSMForecaster):
            types[str(layout.time_col)] = given.field(str(layout.time_col)).type
            suffixes: Any = [""]
            if "level" in self.options:
                suffixes = self.model.interval_suffixes(self.options["level"])
            return types | {f"{c}{suffix}": pa.float64() for c in layout.channels for suffix in suffixes}
        classes = getattr(self.model, "classes_", None)
        types["prediction"] = pa.float64() if classes is None else pa.array(classes).type
        return types | {
            f"probability-{label}": pa.float64() for label in (() if classes is None else classes)
        }

    def _parts(self, frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Answers, series by series only where there is a fault among them."""
        try:
            answers = self._answers(frame)
            if self.errors == "record":
                answers[ERROR] = pd.Series(pd.NA, index=answers.index, dtype="string")
            yield answers
            return
        except _OF_ALL:
            raise
        except SSMTSError as error:
            ids = frame[self.id_col]
            names = ids.unique()
            if len(names) == 1:
                said = f"Series {shown(names[0])}: {error}"
                if self.errors == "raise":
                    raise type(error)(said) from error
                yield pd.DataFrame({self.id_col: ids.iloc[:1].array, ERROR: pd.array([said], dtype="string")})
                return
        half = ids.isin(names[: len(names) // 2])
        for part in (half, ~half):
            yield from self._parts(frame[part].reset_index(drop=True))

    def _answers(self, frame: pd.DataFrame) -> pd.DataFrame:
        options = dict(self.options)
        answers: pd.DataFrame
        if isinstance(self.model, SSMForecaster):
            level = options.pop("level", None)
            if level is None:
                answers = self.model.predict(frame, **options)
            else:
                answers = self.model.predict_interval(frame, level=level, **options)
            known = self.model.fitted_.layout
            named = [name for name in (known.id_col, known.time_col) if name in answers.index.names]
            return answers.reset_index(named) if named else answers
        ids = frame[self.id_col].drop_duplicates(ignore_index=True)
        answers = pd.DataFrame({self.id_col: ids, "prediction": self.model.predict(frame)})
        if isinstance(self.model, SSMClassifier):
            shares = self.model.predict_proba(frame)
            for number, label in enumerate(self.model.classes_):
                answers[f"probability-{label}"] = shares[:, number]
        return answers
