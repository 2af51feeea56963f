"""What is alike ranks above what is not, whatever the order and the names."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.analysis.clones.similarity import clone_similarities, clone_similarity
from c2llm.errors import UsageError
from tests.analysis.clones.planted import ALL, PYTHON


@pytest.mark.parametrize("language", ALL)
def test_a_copy_is_nearer_than_other_code(language):
    code = ALL[language]
    same = clone_similarity(code.original, code.original, language)
    layout, renamed, changed, other = (
        clone_similarity(code.original, text, language)
        for text in (code.layout, code.renamed, code.changed, code.other)
    )
    assert same == pytest.approx(1, abs=1e-5)
    assert min(layout, renamed, changed) > other + 0.2


def test_a_set_is_symmetric_and_its_order_plays_no_part():
    pieces = [code.original for code in ALL.values()] + [PYTHON.other, PYTHON.changed]
    languages = [*ALL, "python", "python"]
    near = clone_similarities(pieces, languages)
    assert near.shape == (5, 5)
    np.testing.assert_allclose(near, near.T, atol=1e-5)
    np.testing.assert_allclose(np.diag(near), 1, atol=1e-5)
    turned = clone_similarities(pieces[::-1], languages[::-1])
    np.testing.assert_allclose(near, turned[::-1, ::-1], atol=1e-5)
    first = list(ALL).index("python")
    assert near[first, 4] > near[first, 3]


def test_what_is_empty_is_borne_and_what_is_wrong_is_told():
    assert clone_similarities([], "python").shape == (0, 0)
    assert np.isfinite(clone_similarities(["", "", "x = 1"], "python")).all()
    with pytest.raises(UsageError, match="2 pieces and 1 languages"):
        clone_similarities(["a", "b"], ["python"])
