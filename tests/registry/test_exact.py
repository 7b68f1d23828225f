"""How large a state or an action of a plugin's may be; what else is wrong with one is in `tests/hostile/`."""

from __future__ import annotations

from typing import Any

import pytest

from tp_gateway.registry.exact import Nonsense, plain


@pytest.mark.parametrize("value", [{"x": [1] * 2045}, {"x": "x" * 2**17}, {str(n): n for n in range(1900)}])
def test_as_large_as_the_guide_says(value: Any) -> None:
    assert plain(value) == value


@pytest.mark.parametrize("value", [{"x": [1] * 2046}, {"x": "x" * (2**17 + 1)}, {str(n): n for n in range(2000)}])
def test_not_larger(value: Any) -> None:
    with pytest.raises(Nonsense):
        plain(value)
