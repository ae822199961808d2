"""What if the network or its input were another: one weight, block, unit or token is changed, and nothing in place.

`values` holds the edits of a network as frozen values and `text` writes them for addresses and files; `network` and
`tokens` are the functions under them. Edits compose in the order in which they are given.
"""

from memviz.edits.network import remove_unit, set_weight, swap_units, zero_block
from memviz.edits.text import MOST_IN_TEXT, from_data, from_text, to_data, to_text
from memviz.edits.tokens import (
    TOKEN_EDITS,
    Edited,
    Pair,
    TokenEdit,
    delete_token,
    insert_token,
    replace_token,
)
from memviz.edits.values import WEIGHT_RANGE, Edit, SetWeight, SwapUnits, ZeroBlock, apply, fitting, layout_of

__all__ = [
    "MOST_IN_TEXT",
    "TOKEN_EDITS",
    "WEIGHT_RANGE",
    "Edit",
    "Edited",
    "Pair",
    "SetWeight",
    "SwapUnits",
    "TokenEdit",
    "ZeroBlock",
    "apply",
    "delete_token",
    "fitting",
    "from_data",
    "from_text",
    "insert_token",
    "layout_of",
    "remove_unit",
    "replace_token",
    "set_weight",
    "swap_units",
    "to_data",
    "to_text",
    "zero_block",
]
