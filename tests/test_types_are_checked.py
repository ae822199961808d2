"""The tests run with every annotation of memviz checked; this notices when that is switched off."""

import pytest
from beartype.roar import BeartypeException

from memviz.web.command import main


def test_an_argument_of_a_wrong_type_is_refused_in_the_tests() -> None:
    with pytest.raises((BeartypeException, TypeError), match="argv"):
        main(argv=3)
