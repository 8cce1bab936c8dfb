import wave

import numpy as np
import pytest

from ssmts_datasets import (
    DatasetEditedError,
    DatasetNotFoundError,
    DatasetTruncatedError,
    DatasetWrongFileError,
    load_spoken_digits,
)


def _write(path, samples, rate=8000, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


@pytest.fixture
def home(cache, tmp_path):
    """A made-up copy: two speakers, indices 4 to 11; each sample tells digit and index."""
    folder = tmp_path / "home" / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for digit in range(10):
        for speaker in ("ada", "bo"):
            for index in range(4, 12):
                samples = np.full(20 + index, 1000 * digit + index, dtype="<i2")
                _write(folder / f"{digit}_{speaker}_{index}.wav", samples)
    return tmp_path / "home"


def test_values_labels_and_order(home):
    data = load_spoken_digits(home)
    assert len(data) == 160
    assert data.sampling_rate == 8000
    for samples, digit, index in zip(data.recordings, data.labels, data.indices, strict=True):
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(
            samples, np.full(20 + index, (1000 * digit + index) / 32768, np.float32)
        )
    assert data.labels.dtype == data.indices.dtype == np.int64
    keys = list(zip(data.labels, data.speakers, data.indices, strict=True))
    assert keys == sorted(keys)
    assert set(data.speakers) == {"ada", "bo"}


def test_full_scale_stays_in_range(home):
    _write(home / "fsdd/recordings/0_ada_4.wav", np.array([-32768, 32767, 0], dtype="<i2"))
    np.testing.assert_array_equal(load_spoken_digits(home).recordings[0], np.float32([-1, 32767 / 32768, 0]))


def test_split_by_index(home):
    data = load_spoken_digits(home)
    train, test = data.split()
    assert set(test.indices) == {5, 6, 7, 8, 9}
    assert set(train.indices) == {10, 11}
    assert len(train) == len(train.labels) == len(train.speakers) == 40
    assert (train.recordings[0] == np.float32(10 / 32768)).all()
    assert set(data.split(train=range(5, 12), test=[4])[1].indices) == {4}
    with pytest.raises(ValueError, match=r"\[5\] are in train and in test"):
        data.split(train=[5, 6], test=[4, 5])
    with pytest.raises(ValueError, match=r"test=\[99\]"):
        data.split(test=[99])


def test_nowhere(cache, tmp_path):
    with pytest.raises(
        DatasetNotFoundError, match=r"put its recordings/ at fsdd/recordings .*SSMTS_DATA_HOME"
    ):
        load_spoken_digits(tmp_path)


def test_found_through_the_variable(home, monkeypatch):
    monkeypatch.setenv("SSMTS_DATA_HOME", str(home))
    assert len(load_spoken_digits()) == 160


def _cut(end):
    return lambda path: path.write_bytes(path.read_bytes()[:end])


DAMAGE = {
    "removed": (lambda p: p.unlink(), DatasetTruncatedError, "lacks 3_bo_7.wav"),
    "cut in the data": (_cut(-10), DatasetTruncatedError, "3_bo_7.wav holds 22 of 27 samples"),
    "cut in the format": (_cut(30), DatasetTruncatedError, "ends inside its header"),
    "cut below the format": (_cut(36), DatasetTruncatedError, "ends inside its header"),
    "empty": (_cut(0), DatasetTruncatedError, "ends inside its header"),
    "no samples": (lambda p: _write(p, np.zeros(0, "<i2")), DatasetTruncatedError, "holds 0 of 0"),
    "no sound": (lambda p: p.write_bytes(b"version https://git-lfs"), DatasetWrongFileError, "no PCM wave"),
    "resampled": (lambda p: _write(p, np.zeros(9, "<i2"), rate=16000), DatasetEditedError, "16000 Hz"),
    "8 bit": (lambda p: _write(p, np.zeros(9, "u1"), width=1), DatasetEditedError, "8 bit"),
    "renamed": (lambda p: p.rename(p.with_name("three.wav")), DatasetWrongFileError, "three.wav is not"),
}


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_has_its_error(home, damage, error, message):
    damage(home / "fsdd/recordings/3_bo_7.wav")
    with pytest.raises(error, match=message):
        load_spoken_digits(home)


def test_empty_folder(cache, tmp_path):
    (tmp_path / "fsdd" / "recordings").mkdir(parents=True)
    with pytest.raises(DatasetTruncatedError, match="lacks every recording"):
        load_spoken_digits(tmp_path)


@pytest.mark.slow
def test_real_recordings(real_digits):
    data = load_spoken_digits()
    train, test = data.split()
    assert (len(train), len(test)) == (2400, 300)
    assert len(set(data.speakers)) == 6
    assert np.bincount(test.labels).tolist() == [30] * 10
    peak = max(float(np.abs(samples).max()) for samples in data.recordings)
    assert 0.1 < peak <= 1
