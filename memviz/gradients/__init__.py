"""Gradients over time, exact and of any size: how far they reach, along which paths, and why."""

from memviz.gradients.check import Check, check
from memviz.gradients.compounding import RATES, log10_powers, repeated_sigmoids
from memviz.gradients.fitting import Fitting, WhatIf, fitting
from memviz.gradients.flow import GradientFlow, gradient_flow
from memviz.gradients.horizon import Horizon, measured_horizon, spread_lags
from memviz.gradients.lags import (
    MOST_GRADED,
    MOST_PRODUCTS,
    MemoryProducts,
    log10_singular_values,
    memory_products,
    spectral_radii,
)
from memviz.gradients.loss import KINDS, Loss
from memviz.gradients.paths import (
    Split,
    half_lives,
    kept,
    log2_direct_path,
    memory_of,
    product_horizons,
    split,
)
from memviz.gradients.saturation import saturations
from memviz.gradients.scaled import Scaled
from memviz.gradients.sources import Sources, sources
from memviz.gradients.spread import Spread, gradient_spread
from memviz.gradients.study import (
    FOUR,
    GIVEN,
    LAG_RANGE,
    LOSSES,
    NETWORKS,
    SEEDS,
    SOURCES,
    Curve,
    Given,
    Study,
    curve_of,
    curves,
    opened,
)
from memviz.gradients.weights import WeightContributions, weight_contributions

__all__ = [
    "GIVEN",
    "Given",
    "FOUR",
    "LAG_RANGE",
    "LOSSES",
    "NETWORKS",
    "RATES",
    "SEEDS",
    "SOURCES",
    "Curve",
    "Study",
    "curve_of",
    "curves",
    "log10_powers",
    "opened",
    "repeated_sigmoids",
    "KINDS",
    "MOST_GRADED",
    "MOST_PRODUCTS",
    "Check",
    "Fitting",
    "GradientFlow",
    "Horizon",
    "Loss",
    "MemoryProducts",
    "Scaled",
    "Sources",
    "Split",
    "Spread",
    "WeightContributions",
    "WhatIf",
    "check",
    "fitting",
    "gradient_flow",
    "gradient_spread",
    "half_lives",
    "kept",
    "log2_direct_path",
    "log10_singular_values",
    "measured_horizon",
    "memory_of",
    "memory_products",
    "product_horizons",
    "saturations",
    "sources",
    "spectral_radii",
    "split",
    "spread_lags",
    "weight_contributions",
]
