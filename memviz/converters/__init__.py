"""The weights of other libraries, as arrays, become a `Network`: the same numbers in torch's layout and gate order.

Every array may be anything that numpy takes. What a library does otherwise than torch, its module says with its source.
"""

from memviz.converters.equinox import from_equinox_gru, from_equinox_lstm
from memviz.converters.flax import from_flax_gru, from_flax_lstm
from memviz.converters.keras import from_keras_gru, from_keras_lstm
from memviz.converters.onnx import from_onnx_gru, from_onnx_lstm, from_onnx_rnn

__all__ = [
    "from_equinox_gru",
    "from_equinox_lstm",
    "from_flax_gru",
    "from_flax_lstm",
    "from_keras_gru",
    "from_keras_lstm",
    "from_onnx_gru",
    "from_onnx_lstm",
    "from_onnx_rnn",
]
