"""What a fitted forecaster says about itself: text, notebook, HTML page."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ssmts import LinearSSMForecaster, LinearSSMRegressor
from ssmts.errors import ParameterError


def test_choices_and_held_out_errors(model):
    summary = model.summary()
    assert summary.parts["chosen"]["horizon"] == "12 steps (12h)"
    assert summary.parts["chosen"]["context"] == "48 steps (2D)"
    held_out = summary.parts["on held-out blocks"]
    assert held_out["mean squared error (variance = 1)"] == model.history_["cross_validated_mse"]
    text = repr(summary)
    assert text.splitlines()[0] == "LinearSSMForecaster"
    assert "12 steps (12h)" in text
    frame = summary.to_frame()
    assert frame.columns.tolist() == ["part", "name", "value"]
    assert len(frame) == sum(map(len, summary.parts.values()))


def test_a_mixture_and_a_deep_branch_are_told(deep, new_model):
    told = deep.summary().parts
    assert told["chosen"]["deep branch"] == "kept"
    assert f"{deep.history_['deep']['gain']:.2g}" in told["on held-out blocks"]["gain of the deep branch"]
    rng = np.random.default_rng(0)
    many = new_model().fit(rng.normal(size=(30, 100, 1)).cumsum(axis=1)).summary().parts
    assert many["chosen"]["branch"].startswith("mixture of")
    assert many["data"]["series"] == 30


def test_notebooks_show_the_summary_of_what_is_fitted(model):
    page = model._repr_html_()
    assert "48 steps (2D)" in page
    assert "sk-top-container" in page  # scikit-learn's diagram, below
    assert model._repr_mimebundle_()["text/html"].count("48 steps (2D)") == 1
    unfitted = LinearSSMForecaster()
    assert "held-out" not in unfitted._repr_html_()
    assert "sk-top-container" in unfitted._repr_html_()
    with pytest.raises(NotFittedError):
        unfitted.summary()


def test_pipelines_keep_the_diagram():
    X, y = np.random.default_rng(0).normal(size=(30, 20)), np.arange(30.0)
    pipe = make_pipeline(StandardScaler(), LinearSSMRegressor(n_readouts=16, random_state=0)).fit(X, y)
    page = pipe._repr_html_()
    assert page.count("sk-top-container") >= 1
    assert "left-out cases" not in page
    told = pipe[-1].summary()
    assert told.parts["on left-out cases"]["root mean squared error"] > 0
    assert "left-out cases" in pipe[-1]._repr_html_()


class Page(HTMLParser):
    """Tags and addresses of a page; fails on a tag that is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.media = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.addresses += [named[key] for key in ("src", "srcset", "href") if key in named]
        self.media += [named["media"]] if "media" in named else []
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(model, frame, tmp_path_factory):
    pytest.importorskip("matplotlib", reason="reports need matplotlib")
    path = tmp_path_factory.mktemp("report") / "report.html"
    model.report(path, frame, title="Sales & <more>")
    text = path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]  # nothing beside it
    parsed = Page()
    parsed.feed(text)
    assert parsed.open == []
    return text, parsed


def test_a_report_loads_nothing(page):
    text, parsed = page
    assert {"script", "link", "iframe"}.isdisjoint(parsed.tags)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in parsed.addresses)
    assert not re.search(r"url\(|@import|https?:", re.sub(r"base64,[^\"]*", "", text))
    for address in parsed.addresses:
        svg = base64.b64decode(address.partition(",")[2]).decode()
        assert not re.search(r"(href|src)=\"(?!#)(?!data:)", svg)


def test_a_report_for_light_and_dark_wide_and_narrow(page):
    text, parsed = page
    assert set(parsed.media) == {
        "(prefers-color-scheme: dark) and (max-width: 600px)",
        "(prefers-color-scheme: dark)",
        "(max-width: 600px)",
    }
    assert "prefers-color-scheme: dark" in text.partition("</style>")[0]
    light, dark = (base64.b64decode(one.partition(",")[2]).decode() for one in parsed.addresses[3::-2][:2])
    assert "#24292f" in light
    assert "#24292f" not in dark
    assert "#d5dae0" in dark


def test_a_report_says_errors_choices_and_what_was_seen(page, model, frame):
    text, _ = page
    assert "<title>Sales &amp; &lt;more&gt;</title>" in text
    assert "48 steps (2D)" in text
    assert "The fit has seen 100% of them" in text
    table = model.backtest(frame, stride=3, level=80)
    own = table[table["channel"] == "y1"]
    inside = own["y"].between(own["lo-80"], own["hi-80"]).mean()
    error = (own["y"] - own["forecast"]).abs().mean()
    assert f"<td>y1</td><td>{len(own):,}</td><td>{error:.4g}</td>" in text
    assert f"<td>{inside:.1%}</td>" in text


def test_a_report_without_rows_and_with_a_wrong_id(model, frame, tmp_path):
    model.report(tmp_path / "short.html", frame[-50:])
    assert "No errors" in (tmp_path / "short.html").read_text(encoding="utf-8")
    with pytest.raises(ParameterError, match="id"):
        model.report(tmp_path / "none.html", frame, id="a")
    assert not (tmp_path / "none.html").exists()
