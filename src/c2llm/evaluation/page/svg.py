"""A small SVG writer: elements as text, every value escaped, axes with round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

# Characters that XML cannot hold, even as references.
_FORBIDDEN = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}
_FORBIDDEN |= dict.fromkeys((*range(55296, 57344), 65534, 65535), "�")

CHARACTER = 6.6
"""Width of a character of the charts' labels in pixels, generously."""


def clean(text: str) -> str:
    """Text that may stand in HTML and in attributes of it."""
    return escape(text.translate(_FORBIDDEN), quote=True)


def element(name: str, *children: str, **attributes: object) -> str:
    """An element; `class_` stands for class, and `_` in a name for `-`.

    Args:
        name: of the element.
        children: markup, already escaped.
        attributes: values, escaped here; numbers to a tenth of a pixel, None left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(x: float, y: float, content: str, **attributes: object) -> str:
    """A label."""
    return element("text", clean(content), x=x, y=y, **attributes)


def titled(content: str) -> str:
    """What a browser shows when the mouse rests on the element around it."""
    return element("title", clean(content))


def drawing(width: float, height: float, *children: str, label: str) -> str:
    """An `svg` that shrinks with the page and is read out as `label`."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=label,
        style=f"max-width:{width:.0f}px",
    )


def shortened(label: str, most: int) -> str:
    """The label, its end cut where it is longer than `most` characters."""
    return label if len(label) <= most else label[: most - 1] + "…"


def linear(low: float, high: float, start: float, stop: float) -> Callable[[float], float]:
    """From numbers to pixels."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (stop - start)


def logarithmic(low: float, high: float, start: float, stop: float) -> Callable[[float], float]:
    """From positive numbers to pixels, equal ratios at equal distances."""
    scale = linear(math.log(low), math.log(high), start, stop)
    return lambda value: scale(math.log(value))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within the bounds, some `about` of them."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 10, 100 … within the bounds; 2 and 5 of each too where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within = [10.0**p for p in powers if low <= 10.0**p <= high]
    if len(within) >= 3:
        return within
    return [m * 10.0**p for p in powers for m in (1, 2, 5) if low <= m * 10.0**p <= high]


def human(value: float) -> str:
    """A number as an axis shows it: 0.5, 20, 3k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def joined(points: Sequence[tuple[float, float]]) -> str:
    """Points as `polyline` takes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _value(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else clean(str(value))
