"""What the papers measure against: recurrent and convolutional networks, Transformers, linear forecasters.

`Recurrent`, `Transformer` and `DilatedCNN` map (batch, length, d_model) to the same shape, as
`ssmts.nn.SSMStack` does; the others have the shapes of their task.
"""

from ssmts.nn.baselines.convolution import DilatedCNN, SpeechCNN
from ssmts.nn.baselines.informer import Informer
from ssmts.nn.baselines.linear import ContextMLP, DLinear
from ssmts.nn.baselines.recurrent import Recurrent
from ssmts.nn.baselines.transformer import Transformer

__all__ = ["Recurrent", "Transformer", "DilatedCNN", "SpeechCNN", "DLinear", "ContextMLP", "Informer"]
