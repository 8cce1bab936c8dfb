"""Truncated, edited and wrong files, made from a made-up original and from the real one."""

import re

import pytest

from ssmts_datasets import (
    DatasetEditedError,
    DatasetError,
    DatasetTruncatedError,
    DatasetWrongFileError,
    load_ett,
)


@pytest.fixture
def load(tmp_path):
    def load(text):
        (tmp_path / "ETTh1.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_ett("ETTh1", data_home=tmp_path)

    return load


def _lines(text, change):
    lines = text.splitlines()
    change(lines)
    return "\n".join([*lines, ""])


def _field(line, column, new):
    """Change one field of one line (numbered from 1, as in messages)."""

    def change(lines):
        fields = lines[line - 1].split(",")
        fields[column] = new
        lines[line - 1] = ",".join(fields)

    return lambda text: _lines(text, change)


TRUNCATED = {
    "empty": (lambda t: "", "it is empty"),
    "zero bytes only": (lambda t: b"\0" * 512, "it is empty"),
    "inside the header": (lambda t: t[:20], "ends inside the header"),
    "header alone": (lambda t: t[: t.index("\n") + 1], "it has 0 of "),
    "one row": (lambda t: "\n".join(t.split("\n")[:2]) + "\n", "it has 1 of "),
    "half": (lambda t: "\n".join(t.split("\n")[:101]) + "\n", "ends at 2016-07-05 03:00:00 with 100 of "),
    "inside a stamp": (lambda t: t[: t.index("2016-07-05") + 6], "ends at 2016-07-04 23:00:00 with 96 of"),
    "inside the last line": (lambda t: t[: t.rindex(",")], "with .* of "),
    "inside the last number": (lambda t: t[: t.rindex(",") + 2], "last line, .* is cut off"),
    "before the last number": (lambda t: t[: t.rindex(",") + 1], "with .* of "),
}
EDITED = {
    "one value": (_field(50, 3, "99.0"), "values of MUFL differ"),
    "last digit of a measurement": (
        lambda t: _field(2, 1, str(float(t.splitlines()[1].split(",")[1]) + 1e-4))(t),
        "values of HUFL differ",
    ),
    "two columns": (lambda t: _field(60, 7, "1.5")(_field(50, 2, "-7")(t)), "values of HULL, OT differ"),
    "no number": (_field(50, 1, "n/a"), "line 50, column HUFL holds 'n/a'"),
    "missing": (_field(51, 7, ""), "line 51, column OT holds ''"),
    "infinite": (_field(52, 2, "inf"), "line 52, column HULL holds 'inf'"),
    "absurd": (_field(52, 2, "1e308"), "values of HULL differ"),
    "stamp moved": (_field(10, 0, "2016-07-01 08:30:00"), "line 10 has the stamp 2016-07-01 08:30:00"),
    "stamp reprinted": (_field(2, 0, "7/1/2016 0:00"), "line 2 has '7/1/2016 0:00' where a time stamp"),
    "stamp with a zone": (_field(10, 0, "2016-07-01 08:00:00+02:00"), r"line 10 has the stamp .*\+02:00"),
    "row removed": (
        lambda t: _lines(t, lambda x: x.pop(30)),
        "line 31 has the stamp 2016-07-02 06:00:00 where",
    ),
    "row repeated": (lambda t: _lines(t, lambda x: x.insert(30, x[30])), "line 32 has the stamp"),
    "first day removed": (lambda t: _lines(t, lambda x: x.__delitem__(slice(1, 25))), "line 2 has the stamp"),
    "sorted downwards": (
        lambda t: _lines(t, lambda x: x.__setitem__(slice(1, None), x[:0:-1])),
        "line 2 has the stamp",
    ),
    "field lost": (
        lambda t: _lines(t, lambda x: x.__setitem__(40, x[40].rsplit(",", 1)[0])),
        "line 41 has 7 fields",
    ),
    "row appended": (
        lambda t: t + re.sub(r"^[^,]*", "2018-06-26 20:00:00", t.splitlines()[-1]) + "\n",
        "begins rows beyond the last",
    ),
    "column renamed": (lambda t: t.replace("OT", "oil", 1), "its columns are date, .*, oil instead of date"),
    "time column renamed": (lambda t: "ds" + t[4:], "its columns are ds, HUFL"),
    "index column added": (
        lambda t: _lines(t, lambda x: x.__setitem__(0, "," + x[0])),
        "its columns are , date",
    ),
}
WRONG = {
    "a web page": (lambda t: "<!DOCTYPE html>\n<html>log in</html>\n", "it begins with '<!DOCTYPE html>"),
    "binary": (lambda t: b"PK\x03\x04\xff\xfe\x00" * 50, "no comma-separated text"),
    "another table": (lambda t: "date,open,close\n2016-07-01,1,2\n", "begins with 'date,open,close"),
    "another rate": (
        lambda t: _lines(t, lambda x: x.__setitem__(slice(1, None), x[1::2])),
        "lie 120 min apart, the original's .* lie 60 min apart",
    ),
    "another year": (lambda t: t.replace("\n2016", "\n2006"), "begin at 2006-07-01 00:00:00"),
}
CASES = [
    pytest.param(damage, error, message, id=name)
    for error, cases in (
        (DatasetTruncatedError, TRUNCATED),
        (DatasetEditedError, EDITED),
        (DatasetWrongFileError, WRONG),
    )
    for name, (damage, message) in cases.items()
]


@pytest.mark.parametrize(("damage", "error", "message"), CASES)
@pytest.mark.slow
def test_damage_has_its_error_with_file_place_and_remedy(etth1, load, tmp_path, damage, error, message):
    with pytest.raises(error, match=message) as caught:
        load(damage(etth1))
    assert type(caught.value) is error
    assert isinstance(caught.value, DatasetError)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"{tmp_path / 'ETTh1.csv'} is not ETTh1 as published: ")
    assert "Replace it by https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main" in str(caught.value)


PRINTS = {
    "as it is": lambda t: t,
    "without the last newline": lambda t: t.rstrip("\n"),
    "Windows line ends": lambda t: t.replace("\n", "\r\n"),
    "byte-order mark": lambda t: "\ufeff" + t,
    "blank lines at the end": lambda t: t + "\n\n",
    "ISO stamps with T": lambda t: re.sub(r"(?m)^(\d\S+) ", r"\1T", t),
    "five decimals": lambda t: re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.5f}", t),
    "seventeen digits": lambda t: re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.17g}", t),
    "quoted": lambda t: re.sub(r"[^,\n]+", r'"\g<0>"', t),
}


@pytest.mark.parametrize("reprint", PRINTS.values(), ids=PRINTS.keys())
@pytest.mark.slow
def test_any_print_of_the_numbers_is_accepted(etth1, load, reprint):
    original, copy = load(etth1).frame, load(reprint(etth1)).frame
    assert (copy.index == original.index).all()
    assert (copy - original).abs().max().max() < 5.1e-6


@pytest.mark.parametrize(
    ("under", "named"), [("ETTh2", "ETTh1"), ("ETTm1", "ETTh1"), ("ETTh1", "ETTm1"), ("ETTm2", "ETTm1")]
)
@pytest.mark.slow
def test_one_data_set_under_the_name_of_another_is_a_wrong_file(real_ett, tmp_path, under, named):
    (tmp_path / f"{named}.csv").write_bytes((real_ett / f"{under}.csv").read_bytes())
    message = f"it holds the values of {under}" if under[3] == named[3] else "min apart"
    with pytest.raises(DatasetWrongFileError, match=message):
        load_ett(named, data_home=tmp_path)
