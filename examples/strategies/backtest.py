"""Write twenty strategies, test them on made-up prices, and write what came of it.

    python examples/strategies/backtest.py demo

makes the folder `demo` with `tested/` (the strategies), `live/` (what runs, three of them changed)
and `results.csv`. The prices come from a seed and nothing but Python is needed, so that the same
numbers come out everywhere. They say nothing about any market.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

from sources import LIVE, STRATEGIES

DAYS = 1_000
YEAR = 252
COST = 0.0002
"""Of a unit that is traded."""
# market -> (drift a day, volatility a day, pull back to the mean)
MARKETS = {"fx": (0.0, 0.005, 0.08), "equity": (0.0005, 0.011, 0.0), "rates": (0.0, 0.004, 0.01)}


def prices_of(market: str) -> list[float]:
    """Made-up prices: a drift that turns now and then, noise, and a pull back to 100."""
    drift, volatility, pull = MARKETS[market]
    chance = random.Random(f"prices of {market}")
    price, prices, trend = 100.0, [], 1.0
    for _ in range(DAYS):
        if chance.random() < 0.01:
            trend = -trend if market != "equity" else chance.choice((1.0, 1.0, -1.0))
        step = trend * (drift + 0.1 * volatility) + volatility * chance.gauss(0.0, 1.0)
        price *= 1.0 + step + pull * (100.0 / price - 1.0)
        prices.append(price)
    return prices


def tested(source: str, market: str) -> dict[str, float]:
    """What a strategy would have made of the prices of a market."""
    names: dict[str, object] = {}
    exec(source, names)  # our own text, above
    prices = prices_of(market)
    positions = names["signal"](prices)  # type: ignore[operator]
    assert len(positions) == len(prices)
    made, traded, before = [], 0.0, 0.0
    for day in range(DAYS - 1):
        held = positions[day]
        turned = abs(held - before)
        made.append(held * (prices[day + 1] / prices[day] - 1.0) - COST * turned)
        traded, before = traded + turned, held
    mean = sum(made) / len(made)
    spread = (sum((one - mean) ** 2 for one in made) / len(made)) ** 0.5
    worth, peak, drawdown = 1.0, 1.0, 0.0
    for one in made:
        worth *= 1.0 + one
        peak = max(peak, worth)
        drawdown = max(drawdown, 1.0 - worth / peak)
    return {
        "sharpe": round(mean / spread * YEAR**0.5, 2) if spread else 0.0,
        "max_drawdown": round(drawdown, 3),
        "turnover": round(traded / (DAYS / YEAR), 1),
    }


def main(folder: Path) -> None:
    """Write the strategies and their results below a folder."""
    for part in ("tested", "live"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for one in STRATEGIES:
        (folder / "tested" / f"{one.name}.py").write_text(one.source, encoding="utf-8")
        live = one.source
        for was, runs in dict(LIVE).get(one.name, ()):
            assert was in live
            live = live.replace(was, runs)
        (folder / "live" / f"{one.name}.py").write_text(live, encoding="utf-8")
        rows.append(
            {
                "file": f"tested/{one.name}.py",
                "function": "signal",
                "market": one.market,
                **tested(one.source, one.market),
            }
        )
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    print(f"{len(rows)} strategies and their results are in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
