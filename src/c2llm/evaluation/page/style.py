"""The look of a report: light and dark as the reader's system has it, readable when printed."""

from __future__ import annotations

# Okabe and Ito's colours, told apart by most who are colour-blind; lighter ones for the dark page.
_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#a0478a", "#8a6d00", "#2f6f9f", "#c0392b", "#555555")
_DARK = ("#5cb3f0", "#ff9a52", "#3fd6a8", "#e396cc", "#e8c84a", "#86c5f0", "#ff7b6b", "#b5b5b5")


def _variables(colours: tuple[str, ...]) -> str:
    return "".join(f"--s{number}:{colour};" for number, colour in enumerate(colours))


STYLE = (
    f":root{{color-scheme:light dark;{_variables(_LIGHT)}"
    "--paper:#ffffff;--card:#f7f8fa;--ink:#1b1f24;--soft:#5d6673;--rule:#dfe3e8;--heat:#0072b2;"
    "--on-heat:#ffffff}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}"
    "--paper:#111418;--card:#1a1f25;--ink:#e8ebef;--soft:#98a2b0;--rule:#2d343d;--heat:#4aa3df;"
    "--on-heat:#08131c}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 24px 80px}
h1{font-size:1.9rem;margin:0 0 .2em;letter-spacing:-.02em}
h2{font-size:1.3rem;margin:2.4em 0 .5em;letter-spacing:-.01em}
h3{font-size:1rem;margin:1.6em 0 .4em}
p{margin:.5em 0;max-width:75ch}
.soft,figcaption{color:var(--soft);font-size:.92rem}
nav{margin:1em 0 0;display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.92rem}
a{color:var(--s0)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:22px 0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px;
 overflow-wrap:anywhere}
.card b{display:block;font-size:1.7rem;font-variant-numeric:tabular-nums;letter-spacing:-.02em}
.card span{color:var(--soft);font-size:.88rem}
figure{margin:14px 0;padding:16px;background:var(--card);border:1px solid var(--rule);
 border-radius:10px;overflow-x:auto}
svg{width:100%;height:auto;display:block;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
figure>svg{min-width:600px}
svg text{fill:var(--ink)}
svg .tick,svg .axis,svg .value{fill:var(--soft);font-size:11px}
svg .tick,svg .axis,svg .middle{text-anchor:middle}
svg .end{text-anchor:end}
svg .value{font-variant-numeric:tabular-nums}
svg .strong{fill:var(--ink);font-weight:650}
svg .grid{stroke:var(--rule);stroke-width:1}
svg .rule{stroke:var(--rule);stroke-width:1;stroke-dasharray:2 3}
svg .interval{stroke-width:3;stroke-linecap:round;opacity:.35}
svg .mark{stroke:var(--card);stroke-width:1.2}
svg .series{fill:none;stroke-width:2}
svg .frontier{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
svg .heat{fill:var(--heat)}
svg .empty{fill:none;stroke:var(--rule)}
svg .on{fill:var(--on-heat)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 10px;font-size:.9rem}
.legend span{display:inline-flex;align-items:center;gap:6px;overflow-wrap:anywhere}
.legend svg{width:14px;flex:none}
.table{overflow-x:auto;margin:14px 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:5px 10px;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
details summary{cursor:pointer;color:var(--soft);font-size:.92rem}
code,pre{font:.86rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;
 overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{figure,.card{break-inside:avoid}}
"""
    + "".join(
        f"svg .mark.s{n}{{fill:var(--s{n})}}svg .interval.s{n},svg .series.s{n}"
        f"{{stroke:var(--s{n})}}"
        for n in range(len(_LIGHT))
    )
)
