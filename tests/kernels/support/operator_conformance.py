"""The tests that every operator passes: a subclass supplies a builder and inherits them.

The reference is the operator itself inside ``backend("reference")``: plain torch, differentiable to any
order. It is tested against mathematics, operator by operator, in the operators' own files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from ssmts_kernels import backend

Inputs = dict[str, Any]

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"


class OperatorConformance:
    """Inherit, set the class variables and write `build`.

    `operator` takes the dict that `build` returns as keyword arguments and returns a tensor or a tuple of
    tensors.
    """

    operator: ClassVar[Callable[..., Any]]
    chunk: ClassVar[int]
    """Q, the length at which the fast path starts a new chunk: lengths around it are tested."""
    backends: ClassVar[tuple[str, ...]] = ("cpu",)
    """Fast paths: "numba" where the folder has a compiled.py, "triton" where it has a triton.py
    (interpreted where there is no GPU). One that is not installed is left out."""
    differentiable: ClassVar[tuple[str, ...]]
    """Arguments that get a gradient."""
    triton_max_length: ClassVar[int] = 64
    """The interpreter is slow: longer cases run on the other paths only."""
    tolerance: ClassVar[dict[torch.dtype, float]] = {torch.float32: 2e-5, torch.float64: 1e-10}
    """Relative to the largest entry of what is compared."""

    def build(self, length: int, dtype: torch.dtype = torch.float64, seed: int = 0, **options: Any) -> Inputs:
        """Return small, well scaled arguments on DEVICE whose real dtype is `dtype`.

        Options: `lengths` (bool) of a SignalConformance, `initial` (bool, an initial state) of a
        RecurrentConformance.
        """
        raise NotImplementedError

    def extremes(self) -> dict[str, Inputs]:
        """Return named float32 arguments at the edge of the operator's range."""
        raise NotImplementedError

    def invalid(self) -> dict[str, tuple[str, Inputs]]:
        """Return name of the case -> (argument that the error must name, arguments)."""
        raise NotImplementedError

    def opcheck_calls(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """Return (custom op, positional arguments) to give to torch.library.opcheck."""
        raise NotImplementedError

    # -- helpers ---------------------------------------------------------------------------------

    def run(self, name: str, inputs: Inputs) -> tuple[Tensor, ...]:
        """Call the operator inside a backend; always a tuple."""
        with backend(name):  # type: ignore[arg-type]
            result = type(self).operator(**inputs)
        return result if isinstance(result, tuple) else (result,)

    def gradients(self, name: str, inputs: Inputs) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Return outputs and the gradient of a fixed random projection of them."""
        leaves = {k: inputs[k].detach().clone().requires_grad_() for k in self.differentiable if k in inputs}
        outputs = self.run(name, {**inputs, **leaves})
        generator = torch.Generator().manual_seed(7)
        loss = torch.zeros((), dtype=torch.float64, device=DEVICE)
        for output in outputs:
            weights = torch.randn(output.shape, generator=generator, dtype=torch.float64).to(DEVICE)
            loss = loss + (output.real * weights).sum()
            if output.is_complex():
                loss = loss + (output.imag * weights.flip(-1)).sum()
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        pairs = zip(leaves.items(), gradients, strict=True)
        named = {k: torch.zeros_like(v) if g is None else g for (k, v), g in pairs}
        return tuple(o.detach() for o in outputs), named

    def assert_close(self, actual: Tensor, expected: Tensor, what: str, factor: float = 1.0) -> None:
        """Compare relative to the largest expected entry."""
        assert actual.shape == expected.shape, what
        assert actual.dtype == expected.dtype, what
        if expected.numel() == 0:
            return
        real = expected.dtype.to_real() if expected.is_complex() else expected.dtype
        bound = factor * self.tolerance[real] * max(expected.abs().max().item(), 1e-30)
        error = (actual - expected).abs().max().item()
        assert error <= bound, f"{what}: off by {error:.3g}, allowed {bound:.3g}"

    def assert_agrees(self, name: str, inputs: Inputs) -> None:
        """Require values and gradients of a fast path to be the reference's."""
        outputs, gradients = self.gradients(name, inputs)
        expected, expected_gradients = self.gradients("reference", inputs)
        for i, (a, e) in enumerate(zip(outputs, expected, strict=True)):
            self.assert_close(a, e, f"output {i}")
        for key, gradient in expected_gradients.items():
            self.assert_close(gradients[key], gradient, f"gradient of {key}", factor=10)

    # -- tests -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("which", ["1", "2", "Q-1", "Q", "Q+1", "odd"])
    def test_lengths(self, fast: str, which: str, dtype: torch.dtype) -> None:
        q = self.chunk
        length = {"1": 1, "2": 2, "Q-1": q - 1, "Q": q, "Q+1": q + 1, "odd": 2 * q + 5}[which]
        if fast == "triton" and not CUDA and length > self.triton_max_length:
            pytest.skip("too long for the interpreter")
        self.assert_agrees(fast, self.build(length, dtype))

    @pytest.mark.slow
    def test_gradcheck(self, fast: str) -> None:
        inputs = self.build(5)
        names = [k for k in self.differentiable if k in inputs]
        leaves = [inputs[k].detach().clone().requires_grad_() for k in names]
        assert torch.autograd.gradcheck(
            lambda *values: self.run(fast, {**inputs, **dict(zip(names, values, strict=True))}),
            leaves,
            fast_mode=fast == "triton",
        )

    def test_each_gradient_alone(self, fast: str) -> None:
        inputs = self.build(5)
        _, expected = self.gradients("reference", inputs)
        for key in expected:
            alone = {k: v for k, v in inputs.items() if k != key}
            leaf = inputs[key].detach().clone().requires_grad_()
            outputs = self.run(fast, {**alone, key: leaf})
            loss = sum((o.real.sum() for o in outputs), torch.zeros(()))
            (gradient,) = torch.autograd.grad(loss, leaf)
            reference = self.run("reference", {**alone, key: leaf})
            (target,) = torch.autograd.grad(sum((o.real.sum() for o in reference), torch.zeros(())), leaf)
            self.assert_close(gradient, target, f"gradient of {key} alone", factor=10)

    def test_second_derivative_is_refused(self, fast: str) -> None:
        inputs = self.build(4)
        key = self.differentiable[0]
        leaf = inputs[key].detach().clone().requires_grad_()
        loss = sum((o.abs().square().sum() for o in self.run(fast, {**inputs, key: leaf})), torch.zeros(()))
        (gradient,) = torch.autograd.grad(loss, leaf, create_graph=True)
        with pytest.raises(NotImplementedError, match=r"second derivatives .*backend\('reference'\)"):
            gradient.abs().sum().backward()

    @pytest.mark.slow
    def test_opcheck(self, quick: str) -> None:
        calls = self.opcheck_calls()
        assert calls
        for op, (*arguments, name) in calls:
            assert name == "cpu"
            torch.library.opcheck(op, (*arguments, quick))

    def test_extremes_stay_finite(self, quick: str) -> None:
        cases = self.extremes()
        assert cases
        for case, inputs in cases.items():
            self._assert_finite(case, "reference", inputs)
            self._assert_finite(case, quick, inputs)

    def _assert_finite(self, case: str, name: str, inputs: Inputs) -> None:
        outputs, gradients = self.gradients(name, inputs)
        for i, output in enumerate(outputs):
            assert output.isfinite().all(), f"{case}, {name}: output {i}"
        for key, gradient in gradients.items():
            assert gradient.isfinite().all(), f"{case}, {name}: gradient of {key}"

    def test_extremes_match_float64(self, quick: str) -> None:
        for case, inputs in self.extremes().items():
            wide = {k: _widen(v) for k, v in inputs.items()}
            expected = self.run("reference", wide)
            for i, (a, e) in enumerate(zip(self.run(quick, inputs), expected, strict=True)):
                error = (_widen(a) - e).abs().max().item() / max(e.abs().max().item(), 1e-30)
                assert error < self.extreme_tolerance, f"{case}: output {i} off by {error:.3g}"

    extreme_tolerance: ClassVar[float] = 1e-4
    """Float32 against float64, relative to the largest entry, at the edge of the range."""

    def test_strides_do_not_matter(self, fast: str) -> None:
        inputs = self.build(7)
        expected = self.run(fast, inputs)
        strided = {k: _strided(v) if isinstance(v, Tensor) else v for k, v in inputs.items()}
        for i, (a, e) in enumerate(zip(self.run(fast, strided), expected, strict=True)):
            self.assert_close(a, e, f"output {i} of strided arguments")
        self.assert_agrees(fast, strided)

    def test_expanded_arguments(self, fast: str) -> None:
        inputs = self.build(7)
        expanded = {
            k: v[:1].expand(v.shape) if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in inputs.items()
        }
        self.assert_agrees(fast, expanded)

    def test_conjugate_views(self, fast: str) -> None:
        inputs = self.build(7)
        views = {k: v.conj() if isinstance(v, Tensor) and v.is_complex() else v for k, v in inputs.items()}
        plain = {k: v.resolve_conj() if isinstance(v, Tensor) else v for k, v in views.items()}
        for i, (a, e) in enumerate(zip(self.run(fast, views), self.run(fast, plain), strict=True)):
            self.assert_close(a, e, f"output {i}")

    def test_length_zero(self, fast: str) -> None:
        inputs = self.build(0)
        for a, e in zip(self.run(fast, inputs), self.run("reference", inputs), strict=True):
            assert a.shape == e.shape
            assert a.dtype == e.dtype
        self.gradients(fast, inputs)

    def test_invalid_arguments_are_named(self) -> None:
        cases = self.invalid()
        assert len(cases) >= 3
        for case, (argument, inputs) in cases.items():
            with pytest.raises(ValueError, match=rf"\b{argument}\b") as error:
                type(self).operator(**inputs)
            assert len(str(error.value)) > len(argument) + 10, case

    def test_device_is_checked(self) -> None:
        inputs = self.build(4)
        for key in self.differentiable:
            moved = {**inputs, key: inputs[key].to("meta")}
            with pytest.raises(ValueError, match=r"is on .* but .* is on"):
                type(self).operator(**moved)

    def test_deterministic(self, quick: str) -> None:
        inputs = self.build(2 * self.chunk + 5, torch.float32)
        first, second = (self.gradients(quick, inputs) for _ in range(2))
        for a, b in zip((*first[0], *first[1].values()), (*second[0], *second[1].values()), strict=True):
            assert torch.equal(a, b)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_autocast_changes_nothing(self, quick: str, dtype: torch.dtype) -> None:
        inputs = self.build(7, dtype)
        for name in ("reference", quick):
            outputs, gradients = self.gradients(name, inputs)
            with torch.autocast(DEVICE, torch.bfloat16):
                cast, cast_gradients = self.gradients(name, inputs)
            for a, e in zip((*cast, *cast_gradients.values()), (*outputs, *gradients.values()), strict=True):
                assert a.dtype == e.dtype
                assert torch.equal(a, e)

    @pytest.mark.slow
    def test_compile(self) -> None:
        torch._dynamo.reset()  # every class compiles the same lambda: dynamo would count recompilations
        inputs = self.build(6)
        tensors = {k: v for k, v in inputs.items() if isinstance(v, Tensor)}
        others = {k: v for k, v in inputs.items() if k not in tensors}
        compiled = torch.compile(
            lambda values: type(self).operator(**values, **others), backend="aot_eager", fullgraph=True
        )
        result = compiled(tensors)
        expected = type(self).operator(**inputs)
        for a, e in zip(torch.utils._pytree.tree_leaves(result), torch.utils._pytree.tree_leaves(expected)):
            self.assert_close(a, e, "compiled")

    @pytest.mark.slow
    def test_export(self) -> None:
        inputs = self.build(6)
        tensors = {k: v for k, v in inputs.items() if isinstance(v, Tensor)}
        module = _Call(type(self).operator, {k: v for k, v in inputs.items() if k not in tensors})
        program = torch.export.export(module, (), kwargs=tensors)
        result = program.module()(**tensors)
        for a, e in zip(torch.utils._pytree.tree_leaves(result), self.run("cpu", inputs), strict=True):
            self.assert_close(a, e, "exported")


class SignalConformance(OperatorConformance):
    """An operator along a time axis: adds halves and right padding."""

    sequence: ClassVar[tuple[str, ...]]
    """Arguments with a time axis, axis 1."""
    batched: ClassVar[tuple[str, ...]]
    """Arguments with a batch axis, axis 0."""
    outputs_with_time: ClassVar[tuple[int, ...]] = (0,)
    """Which outputs have a time axis (axis 1); the others are final states."""
    half_inputs: ClassVar[tuple[str, ...]] = ()
    """Arguments that may be bfloat16."""

    def test_half_inputs_float_states(self, fast: str) -> None:
        inputs = self.build(9, torch.float32)
        halves = {**inputs, **{k: inputs[k].bfloat16() for k in self.half_inputs if k in inputs}}
        wide = {**halves, **{k: halves[k].float() for k in self.half_inputs if k in inputs}}
        for i, (a, e) in enumerate(zip(self.run(fast, halves), self.run(fast, wide), strict=True)):
            if i in self.outputs_with_time:
                assert a.dtype == torch.bfloat16
            else:
                assert a.dtype == e.dtype, "states stay float32"
            self.assert_close(a.to(e.dtype), e, f"output {i}", factor=400 if a.dtype == torch.bfloat16 else 1)
        _, gradients = self.gradients(fast, halves)
        for key, gradient in gradients.items():
            assert gradient.dtype == halves[key].dtype, key
            assert gradient.isfinite().all(), key

    def test_no_rows(self, fast: str) -> None:
        inputs = self.build(self.chunk + 3)
        inputs |= {k: inputs[k][:0] for k in self.batched if k in inputs}
        outputs, gradients = self.gradients(fast, inputs)
        expected, expected_gradients = self.gradients("reference", inputs)
        for i, (a, e) in enumerate(zip(outputs, expected, strict=True)):
            self.assert_close(a, e, f"output {i}")
        for key, gradient in expected_gradients.items():
            assert gradients[key].shape == gradient.shape
            assert (gradients[key] == 0).all(), key

    def test_padding_never_leaks(self, fast: str) -> None:
        length = self.chunk + 3
        inputs = self.build(length, lengths=True)
        lengths = inputs["lengths"]
        assert lengths.min() < length, "the builder must make short rows"
        padding = torch.arange(length, device=DEVICE) >= lengths[:, None]
        poisoned = dict(inputs)
        for key in self.sequence:
            poisoned[key] = inputs[key].clone()
            poisoned[key][padding] = float("nan")
        expected, expected_gradients = self.gradients("reference", inputs)
        for name in ("reference", fast):
            outputs, gradients = self.gradients(name, poisoned)
            for i, (a, e) in enumerate(zip(outputs, expected, strict=True)):
                self.assert_close(a, e, f"output {i} of {name}")
                if i in self.outputs_with_time:
                    assert (a[padding] == 0).all()
            for key, gradient in gradients.items():
                self.assert_close(gradient, expected_gradients[key], f"{name}: gradient of {key}", factor=10)
                if key in self.sequence:
                    assert (gradient[padding] == 0).all()
        for row, own in enumerate(lengths.tolist()):
            per_row = {k: v[row : row + 1] for k, v in inputs.items() if k in self.batched}
            per_row = {k: v[:, :own] if k in self.sequence else v for k, v in per_row.items()}
            alone = self.run(fast, {**inputs, **per_row, "lengths": None})
            for i, (a, e) in enumerate(zip(outputs, alone, strict=True)):
                got = a[row : row + 1, :own] if i in self.outputs_with_time else a[row : row + 1]
                self.assert_close(got, e, f"output {i} of row {row} alone")

    @pytest.mark.parametrize("wrong", [-1, 8])
    def test_lengths_out_of_range_are_named(self, fast: str, wrong: int) -> None:
        inputs = self.build(7, lengths=True)
        inputs["lengths"] = torch.tensor([7, wrong, 0], device=DEVICE)
        for name in ("reference", fast):
            with pytest.raises(
                ValueError, match=f"lengths must be between 0 and .*, 7, got {wrong} in row 1"
            ):
                self.run(name, inputs)


class RecurrentConformance(SignalConformance):
    """An operator with a state: adds chunk-split invariance. `operator` returns the last state as well."""

    def carry(self, inputs: Inputs, outputs: tuple[Tensor, ...], end: int) -> Inputs:
        """Return the arguments that continue a run whose first half ended at `end` (recurrent operators)."""
        raise NotImplementedError

    def test_chunk_split(self, fast: str) -> None:
        length = self.chunk + 3
        inputs = self.build(length, initial=True)
        whole = self.run(fast, inputs)
        for end in (1, 2, length // 2, self.chunk):
            halves = [
                {**inputs, **{k: inputs[k].narrow(1, start, size) for k in self.sequence}}
                for start, size in ((0, end), (end, length - end))
            ]
            first = self.run(fast, halves[0])
            second = self.run(fast, {**halves[1], **self.carry(halves[0], first, end)})
            for i, (a, b, expected) in enumerate(zip(first, second, whole, strict=True)):
                joined = torch.cat([a, b], 1) if i in self.outputs_with_time else b
                self.assert_close(joined, expected, f"output {i} split at {end}")


class _Call(torch.nn.Module):
    def __init__(self, operator: Callable[..., Any], options: Inputs) -> None:
        super().__init__()
        self.operator, self.options = operator, options

    def forward(self, **tensors: Tensor) -> Any:
        return self.operator(**tensors, **self.options)


def _widen(value: Any) -> Any:
    if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
        return value.to(torch.complex128 if value.is_complex() else torch.float64)
    return value


def _strided(value: Tensor) -> Tensor:
    """Return the same values with a hole after each entry and the axes laid out in reverse."""
    axes = tuple(range(value.ndim))[::-1]
    holes = torch.stack([value.permute(axes), value.permute(axes)], -1)[..., 0]
    return holes.permute(axes)
