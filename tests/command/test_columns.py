"""Guesses of columns, and files of every dialect."""

import numpy as np
import pandas as pd
import pytest

from ssmts.command.columns import guess_columns
from ssmts.command.files import check_output, read_table, write_table
from ssmts.errors import ColumnError, DuplicateTimeError, EmptyDataError, InputTypeError, TimeColumnError

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def roles(frame, **named):
    return guess_columns(frame, **named)[1]


def stores(**columns):
    own = {"store": np.repeat([1, 2], 40), "day": [*DAYS, *DAYS], "units": np.arange(80.0)}
    return pd.DataFrame({**own, **columns})


def test_one_series():
    frame = pd.DataFrame({"kind": "a", "date": DAYS.astype(str), "y": range(40), "z": 1.5})
    read, found = guess_columns(frame)
    assert (found.time, found.id, found.values, found.left_out) == ("date", None, ["y", "z"], ["kind"])
    assert read["date"].tolist() == DAYS.tolist()
    assert found.describe() == "columns: time date; values y, z; left out kind"


def test_the_id_tells_repeated_times_apart():
    assert roles(stores()).id == "store"
    assert roles(stores()).values == ["units"]
    text = stores(town=np.repeat(["x", "y"], 40))
    assert (roles(text).id, roles(text).values) == ("town", ["store", "units"])
    assert roles(text, id="store").left_out == ["town"]
    with pytest.raises(DuplicateTimeError, match=r"Row 41 repeats the time 2024-01-01.*--id"):
        guess_columns(stores(store=1))


def test_time_by_its_name_where_several_columns_are_dates():
    frame = pd.DataFrame({"updated": DAYS[::-1].astype(str), "timestamp": DAYS.astype(str), "y": range(40)})
    assert roles(frame).time == "timestamp"
    years = pd.DataFrame({"y": range(40), "year": range(1980, 2020)})
    assert (roles(years).time, roles(years).values) == ("year", ["y"])
    counted = roles(pd.DataFrame({"y": range(40)}))
    assert (counted.time, counted.values) == (None, ["y"])
    assert counted.describe() == "columns: no time column: rows are steps; values y"


def test_codes_and_words_are_no_dates():
    frame = pd.DataFrame({"code": ["10", "11"], "word": ["may", "june"], "y": [1.0, 2.0]})
    assert roles(frame).time is None
    with pytest.raises(TimeColumnError, match="'word' holds neither dates nor numbers, such as 'may'"):
        guess_columns(frame, time="word")


@pytest.mark.parametrize(("form", "order"), [("%d/%m/%Y", "day/month/year"), ("%m/%d/%Y", "month/day/year")])
@pytest.mark.parametrize("n", [9, 40])
def test_days_and_months_in_either_order(form, order, n):
    frame = pd.DataFrame({"when": DAYS[:n].strftime(form), "y": range(n)})
    read, found = guess_columns(frame)
    assert found.calendar_order == order
    assert read["when"].tolist() == DAYS[:n].tolist()
    assert f"time when ({order})" in found.describe()


def test_offsets_that_change_with_the_season():
    stamps = ["2024-03-31T00:00+01:00", "2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"]
    read, _ = guess_columns(pd.DataFrame({"t": stamps, "y": range(3)}))
    assert read["t"].diff().dropna().tolist() == [pd.Timedelta("1h")] * 2


def test_what_cannot_be():
    with pytest.raises(ColumnError, match=r"no column 'x'; it has \['store', 'day', 'units'\]"):
        guess_columns(stores(), time="x")
    with pytest.raises(ColumnError, match="No column holds numbers"):
        guess_columns(pd.DataFrame({"date": DAYS.astype(str), "y": "n/a"}))
    with pytest.raises(EmptyDataError):
        guess_columns(pd.DataFrame({"date": []}))


@pytest.mark.parametrize(
    "text",
    [
        "date,y\n2024-01-01,1.5\n2024-01-02,2.5\n",
        "date;y\n2024-01-01;1,5\n2024-01-02;2,5\n",
        "date\ty\n2024-01-01\t1.5\n2024-01-02\t2.5\n",
        "\ufeffdate|y\r\n2024-01-01|1.5\r\n2024-01-02|2.5\r\n",
        '"date";"y"\n"2024-01-01";"1,5"\n"2024-01-02";"2,5"\n',
        "date;y\n2024-01-01;1.5\n2024-01-02;2.5",
    ],
)
def test_dialects_of_csv(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    frame = read_table(path)
    assert frame.to_dict("list") == {"date": ["2024-01-01", "2024-01-02"], "y": [1.5, 2.5]}


def test_files_go_round(tmp_path):
    frame = stores()
    for name in ("a.csv", "a.parquet"):
        write_table(frame, tmp_path / name)
        read, found = guess_columns(read_table(tmp_path / name))
        assert found.id == "store"
        assert read["day"].tolist() == frame["day"].tolist()
    frame.set_index("day").to_parquet(tmp_path / "indexed.parquet")
    assert roles(read_table(tmp_path / "indexed.parquet")).time == "day"
    with pytest.raises(ColumnError, match=r"must end in \.csv or \.parquet"):
        check_output(tmp_path / "a.xlsx")
    with pytest.raises(FileNotFoundError, match=r"no folder .*x for a\.csv"):
        check_output(tmp_path / "x" / "a.csv")


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", b"", EmptyDataError),
        ("a.csv", b"\xff\xfe\x00a", InputTypeError),
        ("a.csv", b'date,y\n"2024,1\n', InputTypeError),
        ("a.parquet", b"no parquet", InputTypeError),
    ],
)
def test_files_that_are_none(name, content, error, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name.replace(".", r"\.")):
        read_table(tmp_path / name)
