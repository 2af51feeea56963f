"""Which cluster is meant, and what is told where there is none."""

from __future__ import annotations

import sys

import pytest

from c2llm.errors import C2LLMError, UsageError
from c2llm.index.catalog.on_ray.cluster import ClusterAddress, connected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ray", None),
        ("ray://auto", "auto"),
        ("ray://head:6379", "head:6379"),
        ("ray://192.0.2.7:6379/", "192.0.2.7:6379"),
        ("ray://[2001:db8::1]:6379", "[2001:db8::1]:6379"),
    ],
)
def test_an_address_names_a_cluster(text: str, address: str | None) -> None:
    assert ClusterAddress.parse(text) == ClusterAddress(address)


@pytest.mark.parametrize(
    "text",
    [
        *("", "rays", "spark://head:7077", "ray://", "ray://head", "ray://head:port"),
        *("ray://head:99999", "ray://head:6379/job", "ray://me@head:6379", "ray://[::1:6379"),
    ],
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="names no cluster"):
        ClusterAddress.parse(text)


def test_ray_is_asked_for_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(C2LLMError, match=r"pip install 'c2llm\[ray\]'"),
        connected(ClusterAddress(None)),
    ):
        pass
