"""Informer: the encoder and decoder of `transformers`, joined as the paper joins them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Informer"]


class Informer(nn.Module):
    """ProbSparse attention over the context, and a decoder that forecasts all of the horizon at once.

    The encoder reads the context. The decoder reads its last `start_length` observations and zeros in the
    place of the horizon, in one pass; what it gives there is the forecast. Values are read as they are:
    without the calendar features of the paper's experiments, which a caller may append as channels.

    Parameters
    ----------
    n_channels : int
        Channels in and out.
    context_length, horizon : int
        Observations seen and forecast.
    start_length : int, optional
        Observations that the decoder sees, at most the context; half of the context by default.
    d_model, n_heads, n_layers, dropout
        Width, heads, layers of encoder and decoder each, and share dropped in training.

    Raises
    ------
    ModuleNotFoundError
        If `transformers` is not installed.
    ValueError
        If start_length is not in [1, context_length].

    References
    ----------
    Zhou et al., "Informer: beyond efficient Transformer for long sequence time-series forecasting", AAAI
    2021, section 3; the layers are `transformers.models.informer`.
    """

    def __init__(
        self,
        n_channels: int,
        context_length: int,
        horizon: int,
        *,
        start_length: int | None = None,
        d_model: int = 512,
        n_heads: int = 8,
        n_layers: int = 2,
        dropout: float = 0.05,
    ) -> None:
        super().__init__()
        start = max(1, context_length // 2) if start_length is None else start_length
        if not 1 <= start <= context_length:
            raise ValueError(f"start_length must be in [1, {context_length}], got {start}")
        try:
            from transformers import InformerConfig, InformerModel
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("Informer needs transformers: pip install transformers") from error
        config = InformerConfig(
            input_size=n_channels,
            context_length=context_length,
            prediction_length=horizon,
            lags_sequence=[1],
            scaling=None,
            d_model=d_model,
            encoder_layers=n_layers,
            decoder_layers=n_layers,
            encoder_attention_heads=n_heads,
            decoder_attention_heads=n_heads,
            encoder_ffn_dim=4 * d_model,
            decoder_ffn_dim=4 * d_model,
            dropout=dropout,
            attention_dropout=dropout,
            activation_dropout=dropout,
        )
        # The library counts lags and scales as features; here the values are all there is.
        config.feature_size = n_channels
        model = InformerModel(config)
        # The decoder counts positions from here on: its first observations keep those that they have in the
        # encoder.
        config.context_length = context_length - start
        self.encoder, self.decoder = model.encoder, model.decoder
        self.head = nn.Linear(d_model, n_channels)
        self.start_length, self.horizon = start, horizon

    def forward(self, u: Tensor) -> Tensor:
        """Context (batch, context_length, channels) -> forecast (batch, horizon, channels)."""
        memory = self.encoder(inputs_embeds=u)[0]
        zeros = u.new_zeros(len(u), self.horizon, u.shape[2])
        begun = torch.cat([u[:, -self.start_length :], zeros], dim=1)
        y = self.decoder(inputs_embeds=begun, encoder_hidden_states=memory, use_cache=False)[0]
        forecast: Tensor = self.head(y[:, -self.horizon :])
        return forecast
