import json

from benchmarks import report

PIXEL = bytes.fromhex("89504e470d0a1a0a")


def _results(tmp_path):
    (tmp_path / "ltsf").mkdir()
    (tmp_path / "raw" / "ltsf").mkdir(parents=True)
    (tmp_path / "ltsf" / "README.md").write_text("# Long\n\n![a plot](plot.png)\n")
    (tmp_path / "ltsf" / "plot.png").write_bytes(PIXEL)
    rows = [{"model": "S4Forecaster", "seed": s, "mse": mse, "mae": 0.5} for s, mse in enumerate((0.2, 0.4))]
    for name in ("ETTh1-96", "ETTh2-96"):
        cell = {
            "dataset": name,
            "results": [*rows, {"model": "last value", "mse": 1.0, "mae": 1.0}][: 2 + (name == "ETTh1-96")],
        }
        (tmp_path / "raw" / "ltsf" / f"{name}.json").write_text(json.dumps(cell))
    (tmp_path / "kernels-cpu.md").write_text("# Operators\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    (tmp_path / "another.md").write_text("# Another\n")
    return tmp_path


def test_pages_are_one_page_in_reading_order_with_their_pictures(tmp_path) -> None:
    results = _results(tmp_path)
    text = report.page(results)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Benchmarks of ssmts",
        "## Long horizons in one table",
        "## Long",
        "## Operators",
        "## Another",
    ]
    assert "![a plot](ltsf/plot.png)" in text
    # seeds are averaged before cells: both cells count once
    assert "| S4Forecaster | 2 | 0.3000 | 0.5000 |" in text
    assert "| last value | 1 | 1.0000 | 1.0000 |" in text


def test_html_needs_no_other_file(tmp_path) -> None:
    results = _results(tmp_path)
    report.main(["--results", str(results)])
    page = (results / "report.html").read_text()
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    assert "<td>2</td>" in page
    again = report.page(results)  # its own page is no source of it
    assert again == (results / "report.md").read_text()


def test_a_folder_without_results_gives_an_empty_page(tmp_path) -> None:
    assert report.page(tmp_path).splitlines() == ["# Benchmarks of ssmts"]
