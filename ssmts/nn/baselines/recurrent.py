"""Recurrent networks: torch's own, with the shapes of a stack."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Recurrent"]

RecurrentState = Tensor | tuple[Tensor, Tensor]


class Recurrent(nn.Module):
    """RNN (tanh) or LSTM over the observations, whatever the time between them.

    Parameters
    ----------
    d_model : int
        Features in and out.
    n_layers : int
        Layers.
    cell : {"rnn", "lstm"}
        Kind of cell.
    dropout : float
        Fraction of features dropped between layers, in training.

    Raises
    ------
    ValueError
        If the cell is unknown.

    References
    ----------
    Elman, "Finding structure in time", 1990; Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    def __init__(self, d_model: int, n_layers: int = 1, *, cell: str = "lstm", dropout: float = 0.0) -> None:
        super().__init__()
        kinds = {"rnn": nn.RNN, "lstm": nn.LSTM}
        if cell not in kinds:
            raise ValueError(f"cell must be 'rnn' or 'lstm', got {cell!r}")
        between = dropout if n_layers > 1 else 0.0
        self.layers = kinds[cell](d_model, d_model, n_layers, batch_first=True, dropout=between)

    def forward(self, u: Tensor) -> Tensor:
        """(batch, length, d_model) -> the same, causal."""
        y: Tensor = self.layers(u)[0]
        return y

    def step(self, u: Tensor, state: RecurrentState | None) -> tuple[Tensor, RecurrentState]:
        """One observation (batch, d_model); the state of None is zero."""
        y, moved = self.layers(u[:, None], state)
        return y[:, 0], moved
