"""``mlflow models serve``, over HTTP."""

import json

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def split(frame, **params):
    frame = frame.reset_index()
    body = {"dataframe_split": json.loads(frame.to_json(orient="split", index=False, date_format="iso"))}
    return body | ({"params": params} if params else {})


def predictions(answered):
    status, body = answered
    assert status == 200, body
    found = pd.DataFrame(json.loads(body)["predictions"])
    return found.set_index(pd.DatetimeIndex(found.pop("ds")))


def same(found, expected):
    assert list(found.columns) == list(expected.columns)
    assert (found.index == expected.index).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_split_frame_is_forecast(ask, model, frame):
    same(predictions(ask(split(frame))), model.predict(frame))


def test_columns_as_inputs_are_forecast(ask, model, frame):
    columns = frame.reset_index().assign(ds=lambda x: x["ds"].astype(str)).to_dict(orient="list")
    same(predictions(ask({"inputs": columns})), model.predict(frame))


@pytest.mark.parametrize(
    "params",
    [{"step": "30min"}, {"horizon": "6h"}, {"horizon": "5"}, {"step": "2h", "horizon": "8h"}],
)
def test_parameters_are_those_of_predict(ask, model, frame, params):
    expected = model.predict(frame, **{k: int(v) if v.isdigit() else v for k, v in params.items()})
    same(predictions(ask(split(frame, **params))), expected)


def test_any_instants(ask, model, frame):
    at = [frame.index[-1] + pd.Timedelta(minutes=minutes) for minutes in (90, 15, 600)]
    found = predictions(ask(split(frame, at=[str(stamp) for stamp in at])))
    same(found, model.predict(frame, at=at))


def test_intervals(ask, model, frame):
    same(predictions(ask(split(frame, level=[90]))), model.predict_interval(frame, level=90))


def test_missing_values_and_another_rate(ask, model, frame):
    thin = frame.iloc[::2].copy()
    thin.iloc[-3, 0] = np.nan
    same(predictions(ask(split(thin))), model.predict(thin))


def test_a_parquet_file(ask, model, frame):
    content = frame.reset_index().to_parquet()
    same(predictions(ask(content, content_type="application/vnd.apache.parquet")), model.predict(frame))


def twice(frame):
    return split(pd.concat([frame, frame.tail(1)]))


BAD = {
    "a time twice": (twice, "DuplicateTimeError"),
    "no column y1": (lambda frame: split(frame[["y0"]]), "MissingColumnError"),
    "one row": (lambda frame: split(frame.tail(1)), "TooShortError"),
    "too far": (lambda frame: split(frame, horizon="30D"), "HorizonError"),
    "the past": (lambda frame: split(frame, at=["2001-01-01"]), "InstantError"),
    "no duration": (lambda frame: split(frame, step="soon"), "DurationError"),
    "nothing but times": (lambda frame: split(frame[[]]), "InstantError"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_predict_refuses_is_the_client_s_fault_and_says_why(ask, frame, case):
    make, name = BAD[case]
    status, body = ask(make(frame))
    assert status == 400
    assert name in json.loads(body)["message"]


@pytest.mark.parametrize("payload", [b"{", {"dataframe_split": 3}, {"rows": []}, {"inputs": "text"}, []])
def test_requests_that_are_no_requests(ask, payload):
    status, body = ask(payload)
    assert 400 <= status < 500
    assert json.loads(body)["message"]


def test_after_all_that_the_server_is_up(ask, model, frame):
    same(predictions(ask(split(frame))), model.predict(frame))
