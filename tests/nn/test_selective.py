"""Mamba, Mamba-2 and Mamba-3 against plain recurrences under their published names, and in real time."""

import math

import pytest
import torch
from torch.nn import functional

from ssmts.nn import Mamba, Mamba2, Mamba3

BATCH, LENGTH, D_MODEL, D_STATE = 2, 15, 4, 6


def randomised(layer):
    """Parameters away from their special initial values, so that no error can hide behind a 1 or a 0."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return layer


def published(layer):
    """The layer's weights under the names of the authors' code."""
    ours = {value: key for key, value in layer.PUBLISHED.items()}
    return {ours.get(key, key): value.detach() for key, value in layer.state_dict().items()}


def inputs():
    generator = torch.Generator().manual_seed(6)
    u = torch.randn(BATCH, LENGTH, D_MODEL, generator=generator, dtype=torch.float64)
    intervals = 0.2 + 2 * torch.rand(BATCH, LENGTH, generator=generator, dtype=torch.float64)
    intervals[:, 0] = 0
    held = intervals.clone()
    held[:, 0] = 1  # the first observation is held for the reference step
    return u, intervals, held


def short_convolution(x, weight, bias):
    """Plain sum over the newest observations, (batch, length, channels), then SiLU."""
    width = weight.shape[-1]
    y = torch.zeros_like(x)
    for k in range(x.shape[1]):
        for lag in range(min(width, k + 1)):
            y[:, k] += weight[:, 0, width - 1 - lag] * x[:, k - lag]
    return functional.silu(y + bias)


def input_weight(exponent, step, hold):
    return step * torch.expm1(exponent) / exponent if hold == "zoh" else step


def mamba(w, u, held, hold):
    A = -torch.exp(w["A_log"])
    rank, N = w["dt_proj.weight"].shape[1], A.shape[1]
    x, z = (u @ w["in_proj.weight"].T).chunk(2, -1)
    x = short_convolution(x, w["conv1d.weight"], w["conv1d.bias"])
    low, B, C = (x @ w["x_proj.weight"].T).split([rank, N, N], -1)
    step = functional.softplus(low @ w["dt_proj.weight"].T + w["dt_proj.bias"]) * held[..., None]
    h, outputs = torch.zeros(BATCH, *A.shape, dtype=u.dtype), []
    for k in range(u.shape[1]):
        s = step[:, k, :, None]
        gain = input_weight(s * A, s, hold)
        h = torch.exp(s * A) * h + gain * B[:, k, None] * x[:, k, :, None]
        y = (h * C[:, k, None]).sum(-1) + w["D"] * x[:, k]
        outputs.append((y * functional.silu(z[:, k])) @ w["out_proj.weight"].T)
    return torch.stack(outputs, 1)


def mamba2(w, u, held, hold, groups):
    A = -torch.exp(w["A_log"])
    H, inner = len(A), w["out_proj.weight"].shape[1]
    N = (w["conv1d.bias"].shape[0] - inner) // (2 * groups)
    z, xBC, dt = (u @ w["in_proj.weight"].T).split([inner, inner + 2 * groups * N, H], -1)
    xBC = short_convolution(xBC, w["conv1d.weight"], w["conv1d.bias"])
    x, B, C = xBC.split([inner, groups * N, groups * N], -1)
    step = functional.softplus(dt + w["dt_bias"]) * held[..., None]
    h, outputs = torch.zeros(BATCH, inner, N, dtype=u.dtype), []
    per_head = lambda value: value.repeat_interleave(inner // H, -1)  # noqa: E731
    per_group = lambda value: value.unflatten(-1, (groups, N)).repeat_interleave(inner // groups, 1)  # noqa: E731
    for k in range(u.shape[1]):
        s = per_head(step[:, k])
        exponent = s * per_head(A)
        taken_up = (input_weight(exponent, s, hold) * x[:, k])[..., None] * per_group(B[:, k])
        h = torch.exp(exponent)[..., None] * h + taken_up
        y = (h * per_group(C[:, k])).sum(-1) + per_head(w["D"]) * x[:, k]
        y = (y * functional.silu(z[:, k])).unflatten(-1, (groups, -1))
        y = (y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt()).flatten(-2) * w["norm.weight"]
        outputs.append(y @ w["out_proj.weight"].T)
    return torch.stack(outputs, 1)


def mamba3(w, u, held, hold, n_angles):
    """Heads, ranks and pairs of states one by one, rotated by absolute angles as the paper's RoPE has it."""
    H, R, N = w["B_bias"].shape
    inner = w["out_proj.weight"].shape[1]
    P = inner // H
    parts = (u @ w["in_proj.weight"].T).split([inner, inner, R * N, R * N, H, H, H, n_angles], -1)
    z, x, B, C, dt, decay, blend, angle = parts
    z, x = z.unflatten(-1, (H, P)), x.unflatten(-1, (H, P))
    B, C = B.unflatten(-1, (R, N)), C.unflatten(-1, (R, N))
    norm = lambda v: v / (v.square().mean(-1, keepdim=True) + 1e-5).sqrt()  # noqa: E731
    step = functional.softplus(dt + w["dt_bias"]) * held[..., None]
    A, blend = -functional.softplus(decay).clamp_min(1e-4), torch.sigmoid(blend)
    theta = functional.pad(math.pi * torch.tanh(angle), (0, N // 2 - n_angles))
    y = torch.zeros(BATCH, u.shape[1], H, P, dtype=u.dtype)
    one = torch.ones(H, R, P, dtype=u.dtype)
    mimo_x, mimo_z, mimo_o = (w.get(f"mimo_{key}", one) for key in "xzo")
    for b in range(BATCH):
        for h in range(H):
            S, V, turned = torch.zeros(P, N // 2) + 0j, torch.zeros(P, N // 2) + 0j, torch.zeros(N // 2)
            for k in range(u.shape[1]):
                s, lam, a = step[b, k, h], blend[b, k, h], A[b, k, h]
                turned = turned + s * theta[b, k]
                rotated = torch.exp(1j * turned)
                new = torch.zeros(P, N // 2, dtype=torch.complex128)
                for r in range(R):
                    weights = norm(B[b, k, r]) * w["B_norm.weight"] + w["B_bias"][h, r]
                    new = new + torch.outer(
                        x[b, k, h] * mimo_x[h, r] + 0j, rotated * torch.view_as_complex(weights.view(-1, 2))
                    )
                mode = s * (a - 1j * theta[b, k])
                gain = lam * s
                if hold == "zoh":
                    gain = s * ((torch.exp(mode) - 1) / mode - (1 - lam) * torch.exp(mode))
                S = torch.exp(s * a) * (S + (1 - lam) * s * V) + gain * new
                V = new
                for r in range(R):
                    weights = norm(C[b, k, r]) * w["C_norm.weight"] + w["C_bias"][h, r]
                    read = rotated * torch.view_as_complex(weights.view(-1, 2))
                    out = (S * read.conj()).real.sum(-1) + w["D"][h] * x[b, k, h] * mimo_x[h, r]
                    gate = functional.silu(z[b, k, h] * mimo_z[h, r])
                    y[b, k, h] += mimo_o[h, r] * out * gate
    return y.flatten(-2) @ w["out_proj.weight"].T


@pytest.mark.parametrize("hold", Mamba.HOLDS)
def test_mamba_is_its_recurrence(hold):
    layer = randomised(Mamba(D_MODEL, D_STATE, hold=hold, delta_rank=2).double())
    u, intervals, held = inputs()
    torch.testing.assert_close(layer.scan(u, intervals)[0], mamba(published(layer), u, held, hold))


@pytest.mark.parametrize("hold", Mamba2.HOLDS)
@pytest.mark.parametrize("groups", [1, 2])
def test_mamba2_is_its_recurrence(hold, groups):
    layer = randomised(Mamba2(D_MODEL, D_STATE, hold=hold, head_dim=2, n_groups=groups).double())
    u, intervals, held = inputs()
    torch.testing.assert_close(layer.scan(u, intervals)[0], mamba2(published(layer), u, held, hold, groups))


@pytest.mark.parametrize("hold", Mamba3.HOLDS)
@pytest.mark.parametrize(
    ("rank", "fraction", "n_angles"), [(1, 0.5, 1), (1, 1.0, 3), (3, 1.0, 3), (2, 0.0, 0)]
)
def test_mamba3_is_its_recurrence(hold, rank, fraction, n_angles):
    layer = Mamba3(D_MODEL, D_STATE, hold=hold, head_dim=4, rank=rank, rotary_fraction=fraction)
    layer = randomised(layer.double())
    u, intervals, held = inputs()
    expected = mamba3(published(layer), u, held, hold, n_angles)
    torch.testing.assert_close(layer.scan(u, intervals)[0], expected)


@pytest.mark.parametrize("kind", [Mamba, Mamba2, Mamba3])
def test_published_weights_load_by_their_names(kind):
    hold = kind.HOLDS[1]
    layer = randomised(kind(D_MODEL, D_STATE, hold=hold).double())
    other = kind(D_MODEL, D_STATE, hold=hold).double()
    other.load_published(published(layer))
    u, _, _ = inputs()
    assert torch.equal(other(u), layer(u))
    assert "dt_bias" in published(layer) or "dt_proj.weight" in published(layer)
    with pytest.raises(RuntimeError, match="out_proj"):
        other.load_published({"in_proj.weight": layer.in_proj.weight})


def change_at_half_the_interval(layer, u):
    """Largest change, relative to the largest output, when each held value is observed twice as often."""
    expected = layer(u, 1.0)
    fine = u.repeat_interleave(2, 1)[:, 1:]
    intervals = torch.full(fine.shape[:2], 0.5, dtype=u.dtype)
    intervals[:, 0] = 0
    actual = layer.scan(fine, intervals)[0][:, ::2]
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@pytest.fixture
def held_signal():
    """Random levels, held for eight reference steps each."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(2, 6, D_MODEL, generator=generator, dtype=torch.float64).repeat_interleave(8, 1)


@pytest.mark.parametrize("delta_range", [(1e-3, 0.1), (0.1, 1.0)])
@pytest.mark.parametrize("kind", [Mamba, Mamba2])
def test_halving_the_interval_of_a_held_signal_changes_nothing(kind, delta_range, held_signal):
    torch.manual_seed(0)
    options = {"conv_width": 0, "delta_range": delta_range}
    exact = kind(D_MODEL, D_STATE, **options).double()
    assert change_at_half_the_interval(exact, held_signal) < 1e-13
    euler = kind(D_MODEL, D_STATE, hold="euler", **options).double()
    assert change_at_half_the_interval(euler, held_signal) > 1e-4


@pytest.mark.parametrize("delta_range", [(1e-3, 0.1), (0.1, 1.0)])
@pytest.mark.parametrize("rank", [1, 2])
def test_halving_the_interval_changes_mamba3_by_less_than_a_tenth(delta_range, rank, held_signal):
    """Where the signal jumps, the old value's share of one interval counts observations."""
    torch.manual_seed(0)
    layer = Mamba3(D_MODEL, D_STATE, rank=rank, delta_range=delta_range).double()
    assert change_at_half_the_interval(layer, held_signal) < 0.1


def test_a_constant_signal_leaves_mamba3_no_error_at_all(held_signal):
    constant = held_signal[:, :1].expand(-1, 30, -1)
    torch.manual_seed(0)
    exact = Mamba3(D_MODEL, D_STATE, delta_range=(0.1, 1.0)).double()
    assert change_at_half_the_interval(exact, constant) < 1e-13
    torch.manual_seed(0)
    trapezoidal = Mamba3(D_MODEL, D_STATE, hold="trapezoidal", delta_range=(0.1, 1.0)).double()
    assert change_at_half_the_interval(trapezoidal, constant) > 1e-3


@pytest.mark.parametrize("kind", [Mamba, Mamba2])
def test_the_short_convolution_counts_observations(kind, held_signal):
    """So a change of rate is not free with it; a width of 1 is as good as none."""
    torch.manual_seed(0)
    layer = kind(D_MODEL, D_STATE, conv_width=4).double()
    assert change_at_half_the_interval(layer, held_signal) > 0.1
    assert layer.initial_state(2).u.shape[1] == 3
    torch.manual_seed(0)
    none = kind(D_MODEL, D_STATE, conv_width=0)
    torch.manual_seed(0)
    one = kind(D_MODEL, D_STATE, conv_width=1)
    assert one.initial_state(2).u.shape[1] == 0
    assert torch.equal(none(held_signal.float()), one(held_signal.float()))


@pytest.mark.parametrize("kind", [Mamba, Mamba2, Mamba3])
def test_initial_steps_lie_in_their_range(kind):
    layer = kind(64, 16, delta_range=(0.01, 0.02))
    bias = layer.delta_proj.bias if kind is Mamba else layer.delta_bias
    delta = functional.softplus(bias)
    assert (delta > 0.0099).all()
    assert (delta < 0.0201).all()


def test_heads_fit_any_width():
    assert Mamba2(64).head_dim == 64
    assert Mamba2(100, 8).head_dim == 8
    assert Mamba3(3, 8).head_dim == 2
    assert Mamba3(3, 8, head_dim=3).n_heads == 2


def test_bad_arguments_name_themselves():
    for kind in (Mamba2, Mamba3):
        with pytest.raises(ValueError, match=r"head_dim must divide expand \* d_model = 8, got 3"):
            kind(4, 8, head_dim=3)
    with pytest.raises(ValueError, match="n_groups must divide the 4 heads, got 3"):
        Mamba2(4, 8, head_dim=2, n_groups=3)
    with pytest.raises(ValueError, match="conv_width must be at least 0"):
        Mamba(4, 8, conv_width=-1)
    with pytest.raises(ValueError, match="expand must be at least 1"):
        Mamba(4, 8, expand=0)
    with pytest.raises(ValueError, match="rank must be at least 1"):
        Mamba3(4, 8, rank=0)
    with pytest.raises(ValueError, match=r"rotary_fraction must be in \[0, 1\]"):
        Mamba3(4, 8, rotary_fraction=1.5)
    with pytest.raises(ValueError, match="d_state must be even"):
        Mamba3(4, 7)
