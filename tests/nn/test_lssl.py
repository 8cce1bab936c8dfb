"""What sets LSSL and S5 apart: a dense shared A, and one state for all features."""

import pytest
import torch

from ssmts.nn import LSSL, S4, S5, discretize, hippo_dplr, hippo_legs
from ssmts.nn.discretization import start_intervals


def test_lssl_and_s4_are_one_system_in_two_forms(irregular):
    """S4's diagonal-plus-low-rank form of LegS, read in LSSL's own basis, gives LSSL's outputs."""
    torch.manual_seed(0)
    d_state = 16
    dense = LSSL(3, d_state).double()
    dplr = S4(3, d_state).double()
    form = hippo_dplr("legs", d_state)
    with torch.no_grad():
        dense.A.copy_(hippo_legs(d_state)[0])
        dense.B.copy_(hippo_legs(d_state)[1])
        dplr.log_A_real.copy_((-form.Lambda.real).log().expand_as(dplr.log_A_real))
        dplr.A_imag.copy_(form.Lambda.imag.expand_as(dplr.A_imag))
        dplr.B.copy_(torch.view_as_real(form.B).expand_as(dplr.B))
        dplr.P.copy_(torch.view_as_real(form.P).expand_as(dplr.P))
        dplr.C.copy_(torch.view_as_real((dense.C + 0j) @ form.V))
        dplr.D.copy_(dense.D)
        dplr.log_delta.copy_(dense.log_delta)
    u, intervals = irregular()
    torch.testing.assert_close(dplr.scan(u, intervals)[0], dense.scan(u, intervals)[0], atol=1e-9, rtol=1e-8)
    torch.testing.assert_close(dplr(u, 2.0), dense(u, 2.0), atol=1e-9, rtol=1e-8)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9])
def test_lssl_kernel_is_made_of_powers(length):
    torch.manual_seed(0)
    layer = LSSL(2, 5, hold="bilinear_s4").double()
    kernel = layer.kernel(length, 0.7)
    assert kernel.shape == (2, length)
    for feature in range(2):
        delta = layer.delta[feature]
        A_bar, _, B_bar = discretize(delta * layer.A, delta * layer.B, torch.tensor(0.7), "bilinear_s4")
        for k in range(length):
            expected = layer.C[feature] @ torch.linalg.matrix_power(A_bar, k) @ B_bar
            torch.testing.assert_close(kernel[feature, k], expected)


def test_lssl_f_keeps_its_memory_fixed(irregular):
    layer = LSSL(3, 8, train_A=False, train_delta=False).double()
    layer(irregular()[0]).square().sum().backward()
    trained = {name for name, value in layer.named_parameters() if value.requires_grad}
    assert trained == {"C", "D"}
    assert {"A", "B", "log_delta"} < set(layer.state_dict())


def test_large_systems_give_what_their_features_give_alone(irregular, regular):
    """Batched solves of so large matrices fail in some builds of LAPACK."""
    torch.manual_seed(0)
    layer = LSSL(3, 256, hold="bilinear_s4").double()
    u, intervals = irregular(length=6)
    torch.testing.assert_close(layer(u, 0.5), layer.scan(u, regular(2, 6, 0.5))[0])
    y, _ = layer.scan(u, intervals)
    for feature in range(3):
        alone = LSSL(1, 256, hold="bilinear_s4").double()
        with torch.no_grad():
            for name in ("log_delta", "C", "D"):
                getattr(alone, name).copy_(getattr(layer, name)[feature : feature + 1])
        one = slice(feature, feature + 1)
        torch.testing.assert_close(alone.scan(u[..., one], intervals)[0], y[..., one])


def test_lssl_takes_any_size_and_only_known_systems():
    assert LSSL(2, 5).A.shape == (5, 5)
    with pytest.raises(ValueError, match="measure must be one of"):
        LSSL(2, 4, init="real")


@pytest.mark.parametrize("hold", S5.HOLDS)
def test_s5_is_its_dense_system(hold, irregular):
    torch.manual_seed(0)
    layer = S5(3, 6, hold=hold, delta_range=(0.05, 0.5)).double()
    u, intervals = irregular(batch=1)
    y, _ = layer.scan(u, intervals)
    pair = lambda x, dim: torch.cat([x, x.conj()], dim).detach()  # noqa: E731
    delta = pair(layer.delta + 0j, 0)
    A = torch.diag(delta * pair(layer.A, 0))
    B = delta[:, None] * pair(torch.view_as_complex(layer.B), 0)
    C = pair(torch.view_as_complex(layer.C), 1)
    x, before = torch.zeros(6, dtype=torch.complex128), torch.zeros(3, dtype=torch.complex128)
    for k, interval in enumerate(start_intervals(intervals, hold)[0]):
        now = u[0, k] + 0j
        moved = torch.zeros_like(x)
        for feature in range(3):
            A_bar, previous, current = discretize(A, B[:, feature], interval, hold)
            moved = moved + previous * before[feature] + current * now[feature]
        x = A_bar @ x + moved
        before = now
        torch.testing.assert_close(y[0, k], (C @ x).real + layer.D * u[0, k], atol=1e-11, rtol=1e-10)


def test_s5_mixes_features_and_its_blocks_repeat(irregular):
    torch.manual_seed(0)
    layer = S5(3, 8, n_blocks=2).double()
    assert layer.initial_state(2).x.shape == (2, 4)
    torch.testing.assert_close(layer.A[:2], layer.A[2:])
    u, intervals = irregular()
    u.requires_grad_()
    of_first = torch.autograd.grad(layer.scan(u, intervals)[0][:, -1, 0].sum(), u)[0]
    assert (of_first[:, :-1].abs().amax((0, 1)) > 0).all()


def test_s5_second_derivatives_are_refused(irregular):
    layer = S5(3, 8).double()
    u, intervals = irregular(length=4)
    u.requires_grad_()
    (first,) = torch.autograd.grad(layer.scan(u, intervals)[0].square().sum(), u, create_graph=True)
    with pytest.raises(NotImplementedError, match="second derivatives of S5"):
        first.sum().backward()


@pytest.mark.parametrize("n_blocks", [0, 3])
def test_s5_blocks_must_divide_the_state(n_blocks):
    with pytest.raises(ValueError, match="n_blocks must divide d_state"):
        S5(2, 8, n_blocks=n_blocks)
