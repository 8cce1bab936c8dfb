"""Where files are looked for, and what happens when they have to be downloaded."""

import pytest

from ssmts_datasets import (
    DatasetEditedError,
    DatasetError,
    DatasetNotFoundError,
    DatasetOfflineError,
    DatasetTruncatedError,
    DatasetWrongFileError,
    ett,
    load_ett,
)


def _put(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ETTh1.csv").write_text(text)
    return folder / "ETTh1.csv"


@pytest.fixture
def unreachable(server, monkeypatch):
    """An address at which nothing answers."""
    monkeypatch.setattr(ett, "URL", "http://127.0.0.1:1/")


def test_order_is_argument_variable_cache(small_etth1, cache, tmp_path, monkeypatch):
    cached = _put(cache, small_etth1)
    assert load_ett("ETTh1").path == cached
    in_variable = _put(tmp_path / "variable" / "ETT-small", small_etth1)
    monkeypatch.setenv("SSMTS_DATA_HOME", str(tmp_path / "variable"))
    assert load_ett("ETTh1").path == in_variable
    in_argument = _put(tmp_path / "argument" / "ETT-small", small_etth1)
    assert load_ett("ETTh1", data_home=tmp_path / "argument").path == in_argument
    direct = _put(tmp_path / "argument", small_etth1)
    assert load_ett("ETTh1", data_home=str(tmp_path / "argument")).path == direct
    (tmp_path / "bare").mkdir()
    assert load_ett("ETTh1", data_home=tmp_path / "bare").path == in_variable


def test_a_damaged_file_is_reported_and_not_passed_over(small_etth1, cache, tmp_path):
    _put(cache, small_etth1)
    _put(tmp_path / "home", small_etth1[:5000])
    with pytest.raises(DatasetTruncatedError, match="home"):
        load_ett("ETTh1", data_home=tmp_path / "home")


def test_data_home_that_is_no_folder(cache, tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere' is not a folder") as caught:
        load_ett("ETTh1", data_home=tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)


def test_download_once_then_from_the_cache(small_etth1, server, cache, monkeypatch):
    _put(server, small_etth1)
    first = load_ett("ETTh1")
    assert first.path == cache / "ETTh1.csv"
    (server / "ETTh1.csv").unlink()
    assert load_ett("ETTh1").frame.equals(first.frame)


def test_download_with_a_wrong_checksum_leaves_nothing_behind(small_etth1, server, cache):
    _put(server, "<html>log in first</html>")
    with pytest.raises(DatasetWrongFileError, match="proxy's log-in page") as caught:
        load_ett("ETTh1")
    assert "http://127.0.0.1" in str(caught.value)
    assert str(cache / "ETTh1.csv") in str(caught.value)
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("unreachable", "small_etth1")
def test_offline_says_where_to_put_the_file(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("SSMTS_DATA_HOME", str(tmp_path / "variable"))
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(DatasetOfflineError, match="could not be downloaded") as caught:
        load_ett("ETTh1", data_home=home)
    message = str(caught.value)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, DatasetError)
    for part in (str(cache / "ETTh1.csv"), f"or into {home}", "ETT-small", str(tmp_path / "variable")):
        assert part in message
    with pytest.raises(DatasetOfflineError, match=r"the folder that \$SSMTS_DATA_HOME names"):
        load_ett("ETTh1")


def test_file_gone_from_the_server(server, cache):
    with pytest.raises(DatasetOfflineError, match="404"):
        load_ett("ETTm2")


def test_corrupt_cache_is_named_with_its_remedy(small_etth1, server, cache):
    path = _put(cache, small_etth1.replace("2016-07-02 00:00:00,", "2016-07-02 00:00:00,9"))
    with pytest.raises(DatasetEditedError, match="Delete this file and call load_ett again") as caught:
        load_ett("ETTh1")
    assert str(path) in str(caught.value)
    path.unlink()
    _put(server, small_etth1)
    assert len(load_ett("ETTh1").frame) == 200


def test_user_cache_is_a_folder_of_this_project():
    from ssmts_datasets._homes import user_cache

    assert user_cache().name == "ssmts"
