"""The equations of docs/mathematics.md, computed as they stand there, against the library."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import eval_legendre

from ssmts import LinearSSMForecaster
from ssmts.nn import LAYERS
from ssmts.nn.hippo import hippo_dplr, hippo_legs
from ssmts_datasets import make_sines
from ssmts_kernels import hold_weights

CONTEXT, HORIZON, N_MODES = 48, 6, 20


def phi(z):
    """φ1 and φ2 of the page."""
    return (np.exp(z) - 1) / z, (np.exp(z) - 1 - z) / z**2


def weights_of_hold(a, delta, hold):
    """The table of holds."""
    z = a * delta
    first, second = phi(z)
    ratio, half = (1 + z / 2) / (1 - z / 2), delta / 2 / (1 - z / 2)
    return {
        "foh": (np.exp(z), delta * (first - second), delta * second),
        "zoh": (np.exp(z), 0, delta * first),
        "bilinear": (ratio, half, half),
        "bilinear_s4": (ratio, 0, 2 * half),
    }[hold]


@pytest.mark.parametrize("hold", ["foh", "zoh", "bilinear", "bilinear_s4"])
def test_the_table_of_holds(hold):
    a, delta = -0.3 + 1.7j, 0.8
    found = hold_weights(torch.tensor([a]), torch.tensor([delta], dtype=torch.float64), hold)
    assert np.allclose([w.item() for w in found], weights_of_hold(a, delta, hold), rtol=1e-5)


def test_legs_keeps_legendre_coefficients_of_the_past():
    """x' = (A x + B u) / t for the coefficients of u(s) = sin s, by a difference quotient."""
    A, B = (part.numpy() for part in hippo_legs(4))

    def coefficients(t):
        basis = [
            lambda s, n=n: np.sin(s) * math.sqrt(2 * n + 1) * eval_legendre(n, 2 * s / t - 1)
            for n in range(4)
        ]
        return np.array([quad(function, 0, t)[0] / t for function in basis])

    t, step = 3.0, 1e-4
    slope = (coefficients(t + step) - coefficients(t - step)) / (2 * step)
    assert np.allclose(slope, (A @ coefficients(t) + B * np.sin(t)) / t, atol=1e-7)
    form = hippo_dplr("legs", 4)
    P = (2 * (form.V @ form.P).real).numpy()
    assert np.allclose(P[:, 0], B / math.sqrt(2))
    assert np.allclose((2 * (form.V * form.Lambda @ form.V.conj().T).real).numpy() - P @ P.T, A)


@pytest.mark.parametrize(("hold", "rate"), [("foh", 1.0), ("bilinear", 2.0)])
def test_kernel_of_s4d(hold, rate):
    torch.manual_seed(0)
    layer = LAYERS["s4d"](2, d_state=4, hold=hold).double()
    A, delta = layer.A.detach().numpy(), layer.delta.detach().numpy()[:, None]
    B, C = (torch.view_as_complex(part).detach().numpy() for part in (layer.B, layer.C))
    a_bar, w0, w1 = weights_of_hold(A * delta, rate, hold)
    later = [(C * B * delta * (a_bar * w1 + w0) * a_bar ** (lag - 1)).sum(1) for lag in range(1, 6)]
    expected = 2 * np.stack([(C * B * delta * w1).sum(1), *later], axis=1).real
    assert np.allclose(layer.kernel(6, rate).detach(), expected, rtol=1e-9)


def test_kernel_of_s4_is_that_of_its_dense_system():
    torch.manual_seed(0)
    layer = LAYERS["s4"](1, d_state=6, hold="bilinear_s4").double()

    def with_conjugate(part):
        own = torch.view_as_complex(part)[0].detach().numpy()
        return np.concatenate([own, own.conj()])

    B, C, P = map(with_conjugate, (layer.B, layer.C, layer.P))
    Lambda = np.concatenate([layer.A[0].detach().numpy(), layer.A[0].detach().numpy().conj()])
    A, step = np.diag(Lambda) - P @ P.conj().T, layer.delta.item()
    inverse = np.linalg.inv(np.eye(6) - step / 2 * A)
    A_bar = 2 * inverse - np.eye(6)
    expected = [(C @ np.linalg.matrix_power(A_bar, k) @ inverse @ (step * B)).real for k in range(8)]
    assert np.allclose(layer.kernel(8).detach()[0], expected, rtol=1e-7)


def of_windows(values, bank, origins):
    """Features and means of windows, each built and integrated for itself."""
    features, means = [], []
    for origin in origins:
        window = values[origin - CONTEXT + 1 : origin + 1]
        mean, deviation = window.mean(), window.std()
        state = np.zeros(len(bank.A), dtype=complex)
        a_bar, w0, w1 = weights_of_hold(bank.A, 1.0, "foh")
        for before, now in pairwise(window - mean):
            state = a_bar * state + w0 * before + w1 * now
        norm = [quad(lambda t, a=a: np.exp(2 * a.real * t), 0, CONTEXT)[0] ** -0.5 for a in bank.A]
        scaled = state * norm
        oscillating = bank.A.imag > 0
        features.append([*scaled.real, *scaled.imag[oscillating], math.hypot(deviation, 0.1)])
        means.append(mean)
    return np.array(features), np.array(means)


@pytest.mark.slow
def test_forecast_of_the_linear_branch():
    frame = make_sines(260, n_channels=2, periods=[24.0, 9.0], noise=0.2, random_state=0).frame
    frame["y1"] = np.random.default_rng(0).normal(size=len(frame)).cumsum()  # channels that need own weights
    model = LinearSSMForecaster(HORIZON, CONTEXT, n_modes=N_MODES).fit(frame)
    bank, penalties = model.model_.bank, model.history_["penalties"]
    assert np.isfinite(penalties["group"]).any()
    scaled = ((frame - frame.mean()) / frame.std(ddof=0)).to_numpy()
    origins = np.arange(CONTEXT - 1, len(frame) - HORIZON)
    A, B, ends = [], [], []
    for values in scaled.T:
        features, means = of_windows(values, bank, origins)
        future = np.stack([values[origins + lead] for lead in range(HORIZON + 1)], axis=1) - means[:, None]
        A.append(features.T @ features)
        B.append(features.T @ future)
        ends.append(of_windows(values, bank, [len(values) - 1]))
    eye = np.eye(len(A[0]))
    unit = [np.trace(one) / len(one) for one in (*A, sum(A))]
    for lead in range(1, HORIZON + 1):
        band = min(int(5 * math.log(lead) / math.log(HORIZON + 1)), 4)
        shared, group, rho = (penalties[name][band] for name in ("shared", "group", "share"))
        W0 = np.linalg.solve(sum(A) + shared * unit[2] * eye, sum(B)[:, lead])
        for channel in range(2):
            W = W0
            if np.isfinite(group):
                residual = B[channel][:, lead] - A[channel] @ W0
                W = W0 + rho * np.linalg.solve(A[channel] + group * unit[channel] * eye, residual)
            features, mean = ends[channel]
            expected = frame.iloc[:, channel].mean() + frame.iloc[:, channel].std(ddof=0) * (
                mean[0] + features[0] @ W
            )
            assert model.predict().iloc[lead - 1, channel] == pytest.approx(expected, abs=1e-6)


def test_state_of_a_centred_window_from_two_states_of_the_series():
    """s = X(t) - e^{a(t-b)} X(b) - μ ∫ e^{aτ} dτ is the integral over the window alone."""
    a, values, begin = -0.05 + 0.4j, np.random.default_rng(0).normal(size=30), 12
    a_bar, w0, w1 = weights_of_hold(a, 1.0, "foh")
    X = [0j]
    for before, now in pairwise(values):
        X.append(a_bar * X[-1] + w0 * before + w1 * now)
    mean, span = values[begin:].mean(), len(values) - 1 - begin
    state = X[-1] - np.exp(a * span) * X[begin] - mean * (np.exp(a * span) - 1) / a
    alone = 0j
    for before, now in pairwise(values[begin:] - mean):
        alone = a_bar * alone + w0 * before + w1 * now
    assert state == pytest.approx(alone)
    one_step = expm(np.array([[a, 1.0, 0.0], [0, 0, 1], [0, 0, 0]]))  # the held line as a system of its own
    assert one_step[0, 1:] == pytest.approx([w0 + w1, w1])
