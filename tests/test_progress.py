"""Progress: who sees it, when, and that it comes to an end."""

import io
import re
import sys

import numpy as np
import pytest

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMForecaster, S4DForecaster, compare, progress
from ssmts.errors import ParameterError
from ssmts.progress import advance, reporting, stage, tracked
from ssmts_datasets import make_sines


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Reads what is on stderr, which somebody watches and on which bars appear at once."""
    monkeypatch.setattr(progress, "_is_watched", lambda: True)
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    return lambda: capsys.readouterr().err


@pytest.fixture(scope="module")
def frame():
    return make_sines(300, periods=[24.0], noise=0.1, random_state=0).frame


@pytest.fixture(scope="module")
def model(frame):
    return LinearSSMForecaster(12).fit(frame)


def percents(text):
    return [int(found) for found in re.findall(r"(\d+)%", text)]


def test_parts_of_parts_add_up(terminal, monkeypatch):
    places = []
    monkeypatch.setattr(
        progress._Report, "show", lambda report, at, label: places.append(position(report, at))
    )

    def position(report, at):
        return round(report.low + at * (report.high - report.low), 6)

    with reporting("work", "auto"):
        with stage("first", 0.0, 0.5):
            for _ in tracked(range(2), "half"):
                advance(0.5)
        with stage("second", 0.5, 1.0):
            advance(0.2)
    assert places == [0.0, 0.0, 0.125, 0.25, 0.25, 0.375, 0.5, 0.5, 0.5, 0.6, 1.0]


def test_a_part_that_fails_leaves_no_bar(terminal):
    with pytest.raises(ZeroDivisionError), reporting("work", "auto"):
        list(1 / number for number in tracked(range(3)))
    assert progress._CURRENT.get() is None
    assert list(tracked(range(3))) == [0, 1, 2]
    with pytest.raises(ParameterError, match="verbose='loud' is not allowed"), reporting("work", "loud"):
        pass


def test_things_without_a_number_are_counted(terminal):
    with reporting("work", "auto"):
        pieces = tracked(iter("ab"), "piece")
        assert next(pieces) == "a"
        assert progress._CURRENT.get().bar.desc == "work, piece 1:"
        assert list(tracked(iter("ab"), "piece")) == ["a", "b"]
        advance(0.5, "half")
    assert "work, half:  50%" in terminal()


def test_fit_on_a_terminal_says_what_it_does_and_how_long(terminal, frame):
    LinearSSMForecaster(12).fit(frame)
    text = terminal()
    for part in ("context and season", "linear branch", "panel branch", "gaps and intervals"):
        assert f"fit, {part}: " in text
    assert re.search(r"\d\d:\d\d<\d\d:\d\d", text)
    assert percents(text) == sorted(percents(text))
    assert text.rstrip(" ").endswith("\r")  # taken away at the end


@pytest.mark.parametrize(
    ("run", "label"),
    [
        (lambda model, frame: model.cross_validate(frame, 2), "cross-validation, linear branch"),
        (lambda model, frame: model.backtest(frame), "backtest"),
        (lambda _, frame: compare(frame, 12, ["naive", "drift"]), "comparison, window 3/3"),
        (lambda _, frame: S4DForecaster(12, 24, max_epochs=2, d_model=8).fit(frame), "fit, epoch 2/2"),
        (
            lambda *_: LinearSSMClassifier().fit(np.random.default_rng(0).normal(size=(20, 30)), [0, 1] * 10),
            "fit, weights",
        ),
    ],
)
@pytest.mark.slow
def test_whatever_takes_long_reports(run, label, model, frame, terminal, monkeypatch):
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    real = progress._Report.show
    seen = []

    def show(report, at, text):
        real(report, at, text)
        seen.append(report.bar.desc.removesuffix(":"))
        assert -1e-9 <= report.bar.n <= 1 + 1e-9

    monkeypatch.setattr(progress._Report, "show", show)
    run(model, frame)
    assert any(label in text for text in seen)


@pytest.mark.slow
def test_nobody_is_told_who_does_not_want_to_be(terminal, frame, model):
    LinearSSMForecaster(12, verbose=False).fit(frame)
    compare(frame, 12, [LinearSSMForecaster(verbose=True)], n_windows=1, verbose=False)
    assert terminal() == ""


@pytest.mark.slow
def test_silent_for_two_seconds_and_away_from_terminals(frame, model, capsys, monkeypatch):
    LinearSSMForecaster(12).fit(frame)
    assert capsys.readouterr() == ("", "")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert progress._is_watched()
    model.backtest(frame)
    assert screen.getvalue() == ""


def test_verbose_shows_it_anywhere(frame, capsys):
    LinearSSMForecaster(12, verbose=True).fit(frame)
    out, err = capsys.readouterr()
    assert out == ""
    assert "fit, " in err


@pytest.mark.parametrize("name", [n for n in ssmts.__all__ if re.search("(caster|Classifier|Regressor)$", n)])
def test_every_estimator_has_it(name):
    assert getattr(ssmts, name)().get_params()["verbose"] == "auto"
