"""Scaled numbers against exact fractions: sums, products and norms over exponents from -20,000 to 20,000."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memviz.gradients.scaled import Scaled, tame

ZERO = (0.0, 0)
numbers = st.one_of(
    st.just(ZERO),
    st.tuples(st.floats(0.5, 1, exclude_max=True), st.integers(-20_000, 20_000)),
    st.tuples(st.floats(-1, -0.5, exclude_min=True), st.integers(-20_000, 20_000)),
    st.tuples(
        st.floats(0.5, 1, exclude_max=True), st.integers(-450, 450)
    ),  # near the edge of the careful path
    st.tuples(st.floats(-1, -0.5, exclude_min=True), st.integers(-30, 30)),
)
weights = st.one_of(
    st.floats(-10, 10), st.just(0.0), st.sampled_from([1e-300, -1e-300, 1e-120, 1e120, 5e-324, -1e300])
)


def scaled(pairs, *shape: int) -> Scaled:
    mantissas = np.array([m for m, _ in pairs]).reshape(shape)
    return Scaled.of(mantissas, np.array([e for _, e in pairs], dtype=np.int64).reshape(shape))


def exact(pair) -> Fraction:
    mantissa, exponent = pair
    return Fraction(mantissa) * Fraction(2) ** int(exponent)


def exact_of(number: Scaled, *index: int) -> Fraction:
    mantissa, exponent = number.mantissa[index], number.exponent[index]
    return Fraction(0) if mantissa == 0 else exact((float(mantissa), int(exponent)))


def is_near(actual: Fraction, expected: Fraction, size: Fraction, ulps: int = 8) -> bool:
    """Within some roundings of the largest summand."""
    return abs(actual - expected) <= ulps * Fraction(2) ** -52 * size


def is_normal(number: Scaled) -> bool:
    sizes = np.abs(number.mantissa)
    return bool((((sizes >= 0.5) & (sizes < 1)) | (number.mantissa == 0)).all())


def log10(value: Fraction) -> float:
    if value == 0:
        return -np.inf
    with mpmath.workdps(40):
        return float(mpmath.log10(mpmath.mpf(abs(value.numerator))) - mpmath.log10(value.denominator))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
@example([((0.5, 20_000), (0.5, -20_000)), (ZERO, ZERO), (ZERO, (0.75, -20_000))])
@settings(max_examples=25)
def test_a_sum_is_exact_to_a_rounding_element_by_element(pairs) -> None:
    total = scaled([a for a, _ in pairs], len(pairs)) + scaled([b for _, b in pairs], len(pairs))
    assert is_normal(total)
    for k, (a, b) in enumerate(pairs):
        expected = exact(a) + exact(b)
        assert is_near(exact_of(total, k), expected, abs(expected), 1)


def test_what_cancels_exactly_is_an_exact_zero_and_stays_one() -> None:
    number = scaled([(0.7, -15_000), (0.7, 15_000)], 2)
    zero = number + scaled([(-0.7, -15_000), (-0.7, 15_000)], 2)
    assert zero.log10().tolist() == [-np.inf] * 2
    again = (zero + scaled([(0.5, -20_000), ZERO], 2)).log10()
    np.testing.assert_allclose(again, [-20_001 * np.log10(2), -np.inf])


@given(data=st.data(), rows=st.integers(1, 5), columns=st.integers(1, 4))
@settings(max_examples=25)
def test_a_vector_times_a_matrix_is_exact_to_roundings_whatever_its_sizes(data, rows, columns) -> None:
    vector = data.draw(st.lists(numbers, min_size=rows, max_size=rows))
    matrix = np.array(data.draw(st.lists(weights, min_size=rows * columns, max_size=rows * columns)))
    matrix = matrix.reshape(rows, columns)
    product = scaled(vector, rows).times(matrix, tame(matrix))
    assert product.mantissa.shape == (columns,)
    assert is_normal(product)
    for j in range(columns):
        summands = [exact(v) * Fraction(float(w)) for v, w in zip(vector, matrix[:, j], strict=True)]
        assert is_near(exact_of(product, j), sum(summands), max(map(abs, summands)))


@given(data=st.data(), batch=st.integers(1, 3), time=st.integers(1, 3))
@settings(max_examples=12)
def test_each_vector_of_a_batch_is_multiplied_by_its_own_matrix_or_by_one_for_all(data, batch, time) -> None:
    vectors = data.draw(st.lists(numbers, min_size=batch * time * 2, max_size=batch * time * 2))
    drawn = data.draw(st.lists(weights, min_size=batch * time * 6, max_size=batch * time * 6))
    matrices = np.array(drawn).reshape(batch, time, 2, 3)
    left = scaled(vectors, batch, time, 2)
    own = left.times(matrices, tame(matrices))
    shared = left.times(matrices[0, 0], tame(matrices[0, 0]))
    for b, t, j in np.ndindex(batch, time, 3):
        pair = [exact_of(left, b, t, i) for i in range(2)]
        for product, matrix in ((own, matrices[b, t]), (shared, matrices[0, 0])):
            summands = [v * Fraction(float(w)) for v, w in zip(pair, matrix[:, j], strict=True)]
            assert is_near(exact_of(product, b, t, j), sum(summands), max(map(abs, summands)))


def test_many_rows_of_mixed_sizes_are_the_same_in_blocks(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    left = Scaled.of(rng.standard_normal((11, 3)), rng.integers(-5000, 5000, (11, 3)))
    matrix = rng.standard_normal((3, 4))
    whole = left.times(matrix, True)
    monkeypatch.setattr("memviz.gradients.scaled._MOST_PRODUCTS", 30)
    blocks = left.times(matrix, True)
    assert np.array_equal(blocks.mantissa, whole.mantissa)
    assert np.array_equal(blocks.exponent, whole.exponent)
    for row in range(11):
        summands = [exact_of(left, row, i) * Fraction(matrix[i, 1]) for i in range(3)]
        assert is_near(exact_of(blocks, row, 1), sum(summands), max(map(abs, summands)))


@given(st.lists(numbers, min_size=1, max_size=6))
@example([ZERO, ZERO])
@example([(0.5, 20_000), (0.5, -20_000)])
@example([(0.9, -20_000), (0.9, -20_000), ZERO])
@settings(max_examples=25)
def test_logarithms_of_numbers_and_norms_are_those_of_exact_fractions(row) -> None:
    number = scaled(row, 1, len(row))
    expected = [log10(exact(pair)) for pair in row]
    np.testing.assert_allclose(number.log10()[0], expected, rtol=1e-14, atol=1e-15)
    square = sum(exact(pair) ** 2 for pair in row)
    assert number.log10_norms().shape == (1,)
    np.testing.assert_allclose(number.log10_norms()[0], log10(square) / 2, rtol=1e-14, atol=1e-14)


@given(st.lists(numbers, min_size=1, max_size=6))
@example([(0.5, 1025), (-0.75, 1024), (0.5, -1073), (0.5, -1080), ZERO])
@settings(max_examples=25)
def test_floats_are_the_nearest_floats_and_out_of_range_zero_or_infinite(row) -> None:
    number = scaled(row, len(row))
    floats = number.floats()
    assert not floats.flags.writeable
    for value, pair in zip(floats, row, strict=True):
        fraction = exact(pair)
        try:
            expected = float(fraction)
        except OverflowError:
            expected = np.inf if fraction > 0 else -np.inf
        assert value == expected


@pytest.mark.parametrize("values", [0.0, 5e-324, -5e-324, 1e-310, 1.7e308, -1.7e308, 1.0])
def test_every_float_survives_the_way_in_and_out(values: float) -> None:
    number = Scaled.of(np.array([values]))
    assert is_normal(number)
    assert number.floats()[0] == values
    shifted = Scaled.of(np.array([values]), 5000).over(np.array([5000]))
    assert shifted[0] == values


def test_an_exponent_for_a_row_is_broadcast_and_an_exact_zero_keeps_none() -> None:
    number = Scaled.of(np.array([[1.0, 0.0], [3.0, -4.0]]), np.array([[-9000], [9000]]))
    assert exact_of(number, 1, 1) == -4 * Fraction(2) ** 9000
    assert exact_of(number, 0, 0) == Fraction(2) ** -9000
    assert number[0].log10_norms() == pytest.approx(-9000 * np.log10(2), rel=1e-15)
    assert number.top()[:, 0].tolist() == [-8999, 9003]
    assert Scaled.zeros(2, 3).log10_norms().tolist() == [-np.inf] * 2


def test_rows_can_be_set_and_read_as_numpy_indexes_them() -> None:
    number = Scaled.zeros(3, 2)
    number[1] = Scaled.of(np.array([0.3, -0.0]), 700)
    assert number[1:].mantissa.shape == (2, 2)
    assert exact_of(number, 1, 0) == Fraction(0.3) * Fraction(2) ** 700
    assert exact_of(number, 1, 1) == 0
    assert number.is_close()
    number[1, 1:] = Scaled.of(np.array([0.5]), -700)
    assert not number.is_close()
