"""Twenty small strategies as source text: families of a few members each, as teams have them.

A strategy is a function `signal(prices)` that gives for each day the position held over the next,
from -1 to 1. Some are copies of one another with other names and numbers, one looks ahead, and one
doubles its size after each loss without a limit: what `c2llm clones` and `c2llm patterns` find.
"""

from __future__ import annotations

from typing import NamedTuple


class Strategy(NamedTuple):
    """One strategy: its file, the market that it trades and its source."""

    name: str
    market: str
    source: str


_CROSSOVER = '''"""Trend following: {market}."""


def average({window}, length):
    """The mean of the last days."""
    recent = {window}[-length:]
    return sum(recent) / len(recent)


def signal(prices):
    """Long while the fast average of prices is above the slow one, else short."""
    {held} = []
    for day in range(len(prices)):
        {past} = prices[: day + 1]
        fast = average({past}, {fast})
        slow = average({past}, {slow})
        if day < {slow}:
            {held}.append(0.0)
        elif fast > slow:
            {held}.append(1.0)
        else:
            {held}.append(-1.0)
    return {held}
'''
_MEAN_REVERSION = '''"""Mean reversion: {market}."""

LOOKBACK = {lookback}
ENTRY = {entry}


def zscore(window):
    """How many standard deviations the last price is away from the mean of its window."""
    mean = sum(window) / len(window)
    variance = sum((price - mean) ** 2 for price in window) / len(window)
    return 0.0 if variance == 0 else (window[-1] - mean) / variance**0.5


def signal(prices):
    """Sell what has risen far above its mean and buy what has fallen below it."""
    positions = []
    for day in range(len(prices)):
        score = zscore(prices[max(0, day - LOOKBACK) : day + 1])
        if score > ENTRY:
            positions.append(-1.0)
        elif score < -ENTRY:
            positions.append(1.0)
        else:
            positions.append(0.0)
    return positions
'''
_BREAKOUT = '''"""Breakout of a channel: {market}."""

CHANNEL = {channel}


def signal(prices):
    """Buy a new high of the channel, sell a new low, and hold until the other side breaks."""
    position, positions = 0.0, []
    for day, price in enumerate(prices):
        channel = prices[max(0, day - CHANNEL) : day]
        if len(channel) == CHANNEL:
            if price > max(channel):
                position = 1.0
            elif price < min(channel):
                position = -1.0
        positions.append(position)
    return positions
'''
_RSI = '''"""Relative strength index: {market}."""

PERIOD, OVERSOLD, OVERBOUGHT = {period}, {oversold}, {overbought}


def strength(changes):
    """The relative strength index of some price changes, 0 to 100."""
    gains = sum(change for change in changes if change > 0)
    losses = -sum(change for change in changes if change < 0)
    return 50.0 if gains + losses == 0 else 100.0 * gains / (gains + losses)


def signal(prices):
    """Buy when the index says oversold, sell when it says overbought."""
    changes = [after - before for before, after in zip(prices, prices[1:])]
    positions = [0.0]
    for day in range(len(changes)):
        index = strength(changes[max(0, day - PERIOD + 1) : day + 1])
        positions.append(1.0 if index < OVERSOLD else -1.0 if index > OVERBOUGHT else 0.0)
    return positions
'''
_MOMENTUM = '''"""Momentum: {market}."""


def signal(prices):
    """Hold the direction in which the price went over the last {days} days."""
    positions = []
    for today, price in enumerate(prices):
        before = prices[max(0, today - {days})]
        growth = price / before - 1.0
        positions.append(max(-1.0, min(1.0, growth * {scale})))
    return positions
'''
_BANDS = '''"""Bollinger bands: {market}."""


def bands(prices, width):
    """The lower band, the middle and the upper band around some prices."""
    middle = sum(prices) / len(prices)
    spread = (sum((price - middle) ** 2 for price in prices) / len(prices)) ** 0.5
    return middle - width * spread, middle, middle + width * spread


def signal(prices):
    """Buy below the lower band, sell above the upper one, and leave at the middle."""
    held, positions = 0.0, []
    for day, price in enumerate(prices):
        lower, middle, upper = bands(prices[max(0, day - {days}) : day + 1], {width})
        if price < lower:
            held = 1.0
        elif price > upper:
            held = -1.0
        elif (held > 0) == (price > middle):
            held = 0.0
        positions.append(held)
    return positions
'''
_PEEKING = '''"""Turning points: {market}."""


def signal(prices):
    """Be long before a rise and short before a fall."""
    positions = []
    for i in range(len(prices) - 1):
        positions.append(1.0 if prices[i + 1] > prices[i] else -1.0)
    positions.append(0.0)
    return positions
'''
_DOUBLING = '''"""Doubling after losses: {market}."""


def signal(prices):
    """Double the order after each loss, until a win pays for all of them."""
    size, positions = 0.05, [0.0]
    for before, after in zip(prices, prices[1:]):
        lost = after < before
        size = size * 2 if lost else 0.05
        positions.append(size)
    return positions


def send(exchange, symbol, size):
    """Order what the signal says."""
    exchange.create_market_order(symbol, "buy", size)
'''
_TARGET = '''"""Volatility target: {market}."""

TARGET, DAYS = 0.01, 20


def volatility(returns):
    """The standard deviation of some daily returns."""
    mean = sum(returns) / len(returns)
    return (sum((one - mean) ** 2 for one in returns) / len(returns)) ** 0.5


def signal(prices):
    """Hold more of what is calm and less of what is wild, with a limit of one."""
    returns = [after / before - 1.0 for before, after in zip(prices, prices[1:])]
    positions = [0.0]
    for day in range(len(returns)):
        risk = volatility(returns[max(0, day - DAYS + 1) : day + 1])
        positions.append(min(1.0, TARGET / risk) if risk else 0.0)
    return positions
'''
_HOLDING = '''"""Buy and hold: {market}."""


def signal(prices):
    """Always hold one unit."""
    return [1.0 for _ in prices]
'''
_CALENDAR = '''"""Turn of the month: {market}."""

DAYS_OF_MONTH = 21


def signal(prices):
    """Hold over the last two and the first three trading days of each month."""
    return [1.0 if day % DAYS_OF_MONTH in (0, 1, 2, 19, 20) else 0.0 for day in range(len(prices))]
'''
_OWN_NAMES = dict(window="values", held="positions", past="past")


def _of(name: str, market: str, source: str, **values: object) -> Strategy:
    return Strategy(name, market, source.format(market=market, **values))


STRATEGIES = (
    _of("crossover_equity", "equity", _CROSSOVER, fast=10, slow=50, **_OWN_NAMES),
    _of(
        "crossover_fx", "fx", _CROSSOVER, fast=5, slow=20, window="series", held="book", past="seen"
    ),
    _of("crossover_rates", "rates", _CROSSOVER, fast=20, slow=100, **_OWN_NAMES),
    _of("mean_reversion_fx", "fx", _MEAN_REVERSION, lookback=20, entry=1.5),
    _of("mean_reversion_equity", "equity", _MEAN_REVERSION, lookback=20, entry=2.0),
    _of("mean_reversion_rates", "rates", _MEAN_REVERSION, lookback=60, entry=1.0),
    _of("breakout_equity", "equity", _BREAKOUT, channel=40),
    _of("breakout_fx", "fx", _BREAKOUT, channel=20),
    _of("breakout_rates", "rates", _BREAKOUT, channel=100),
    _of("rsi_fx", "fx", _RSI, period=10, oversold=30, overbought=70),
    _of("rsi_equity", "equity", _RSI, period=14, oversold=25, overbought=75),
    _of("momentum_equity", "equity", _MOMENTUM, days=60, scale=5),
    _of("momentum_rates", "rates", _MOMENTUM, days=120, scale=10),
    _of("bands_fx", "fx", _BANDS, days=20, width=2.0),
    _of("bands_rates", "rates", _BANDS, days=30, width=1.5),
    _of("turning_points", "equity", _PEEKING),
    _of("doubling", "fx", _DOUBLING),
    _of("volatility_target", "equity", _TARGET),
    _of("buy_and_hold", "equity", _HOLDING),
    _of("turn_of_month", "equity", _CALENDAR),
)

LIVE = (
    # What runs, for three of them: (name, [(tested, live), ...]).
    ("mean_reversion_fx", (("ENTRY = 1.5", "ENTRY = 1.0"),)),
    ("rsi_fx", (("gains", "ups"), ("losses", "downs"))),
    ("volatility_target", (("min(1.0, TARGET / risk) if risk else 0.0", "TARGET / risk"),)),
)
