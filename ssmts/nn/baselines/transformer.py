"""A Transformer encoder, causal or not, with a cache of keys and values for generation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Cache", "Transformer"]

Cache = tuple[Tensor, Tensor, int]
"""Keys and values of a block, (batch, heads, room, d_head) each, and how many are filled."""


class Transformer(nn.Module):
    """Pre-norm Transformer encoder with sinusoidal positions.

    Parameters
    ----------
    d_model : int
        Features in and out, even, a multiple of n_heads.
    n_layers, n_heads : int
        Blocks, and heads of each.
    mlp_ratio : float
        Hidden width of the MLP in multiples of d_model.
    dropout : float
        Fraction of features dropped after attention and MLP, in training.
    causal : bool
        Whether an output sees the observations up to its own only.

    Raises
    ------
    ValueError
        If d_model is odd or no multiple of n_heads.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017; Xiong et al., "On layer normalization in the
    Transformer architecture", ICML 2020 (pre-norm).
    """

    def __init__(
        self,
        d_model: int,
        n_layers: int = 2,
        *,
        n_heads: int = 4,
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        causal: bool = True,
    ) -> None:
        super().__init__()
        if d_model % 2 or d_model % n_heads:
            raise ValueError(f"d_model must be even and a multiple of n_heads={n_heads}, got {d_model}")
        self.d_model, self.causal = d_model, causal
        hidden = round(mlp_ratio * d_model)
        self.blocks = nn.ModuleList(_Block(d_model, n_heads, hidden, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)

    @property
    def _blocks(self) -> Iterable[_Block]:
        return cast("Iterable[_Block]", self.blocks)

    def forward(self, u: Tensor) -> Tensor:
        """(batch, length, d_model) -> the same."""
        u = u + positions(torch.arange(u.shape[1], device=u.device), self.d_model).to(u.dtype)
        for block in self._blocks:
            u = block(u, self.causal)
        return cast("Tensor", self.norm(u))

    def cache(self, batch: int, room: int) -> list[Cache]:
        """Empty cache of `room` observations for every block."""
        return [block.cache(batch, room) for block in self._blocks]

    def step(self, u: Tensor, cache: list[Cache]) -> tuple[Tensor, list[Cache]]:
        """One observation (batch, d_model), as `forward` gives it after those in the cache.

        The cache is written in place; what comes back holds the new length.

        Raises
        ------
        ValueError
            If the cache is full, or the model is not causal.
        """
        if not self.causal:
            raise ValueError("step needs causal=True: here an output depends on what comes after it")
        position = torch.tensor([cache[0][2]], device=u.device)
        u = u + positions(position, self.d_model).to(u.dtype)
        moved = []
        for block, before in zip(self._blocks, cache, strict=True):
            u, after = block.step(u, before)
            moved.append(after)
        return self.norm(u), moved


class _Block(nn.Module):
    def __init__(self, d_model: int, n_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        self.mlp = nn.Sequential(nn.Linear(d_model, hidden), nn.GELU(), nn.Linear(hidden, d_model))
        self.dropout = nn.Dropout(dropout)

    def forward(self, u: Tensor, causal: bool) -> Tensor:
        q, k, v = self._heads(u)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self._mix(u, y)

    def cache(self, batch: int, room: int) -> Cache:
        weight = self.qkv.weight
        shape = (batch, self.n_heads, room, weight.shape[1] // self.n_heads)
        return weight.new_zeros(shape), weight.new_zeros(shape), 0

    def step(self, u: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        keys, values, length = cache
        if length == keys.shape[2]:
            raise ValueError(f"the cache has room for {length} observations and is full")
        q, k, v = self._heads(u[:, None])
        keys[:, :, length], values[:, :, length] = k[:, :, 0], v[:, :, 0]
        length += 1
        y = functional.scaled_dot_product_attention(q, keys[:, :, :length], values[:, :, :length])
        return self._mix(u[:, None], y)[:, 0], (keys, values, length)

    def _heads(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (batch, heads, length, d_head) each."""
        projected = self.qkv(self.norm_attention(u)).unflatten(-1, (3, self.n_heads, -1))
        q, k, v = projected.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def _mix(self, u: Tensor, attended: Tensor) -> Tensor:
        u = u + self.dropout(self.out(attended.transpose(1, 2).flatten(-2)))
        return u + cast("Tensor", self.dropout(self.mlp(self.norm_mlp(u))))


def positions(index: Tensor, d_model: int) -> Tensor:
    """Sines and cosines of positions (n,) at periods from 2π to 10,000 times that: (n, d_model)."""
    n = torch.arange(d_model // 2, device=index.device)
    angle = index[:, None] * torch.exp(-math.log(10_000) * 2 * n / d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
