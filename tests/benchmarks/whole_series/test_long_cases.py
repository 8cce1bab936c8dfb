from benchmarks.whole_series.long_cases import compared


def test_both_models_are_fitted_asked_and_right():
    rows = compared(400, 1)
    assert [row["model"] for row in rows] == ["LinearSSMClassifier", "MiniRocketClassifier"]
    assert all(row["accuracy"] > 0.5 and row["fit"] > 0 and row["predict"] > 0 for row in rows)
