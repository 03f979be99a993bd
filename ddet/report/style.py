"""How pages look: colours with enough contrast on light and dark screens, and layout for desks and phones."""

VERDICT_COLOURS = {
    **{"holds": "holds", "fails": "fails", "undecided": "open", "not testable here": "barred"},
    "not tested": "barred",
}  # verdict -> class, and the variable of its colour

BASE = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #535c66; --line: #d5dae0; --back: #fff; --fill: #f8f9fb;
  --link: #0b5cad; --warn: #8a4b00; --holds: #0f6a4a; --fails: #b3261e; --open: #7a5200; --barred: #5b646e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #a3adb8; --line: #39424c; --back: #14181c;
  --fill: #1d2329; --link: #79b8ff; --warn: #f0b35a; --holds: #5fd3a4; --fails: #ff9a92; --open: #e3b341;
  --barred: #a3adb8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: .8rem 1rem 4rem; max-width: 76rem; color: var(--ink); background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
header { border-bottom: 1px solid var(--line); margin-bottom: 1.2rem; padding-bottom: .5rem; font-size: 14px; }
header nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
header nav a { padding: .2rem 0; }
header [rel=next] { margin-left: auto; }
h1, h2, h3 { line-height: 1.25; margin: 1.8rem 0 .6rem; }
h1 { margin-top: 0; font-size: 1.7rem; }
h2 { font-size: 1.25rem; }
h3 { font-size: 1.05rem; }
code, pre { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; margin: .4rem 0; overflow-wrap: normal; }
.scroll { overflow-x: auto; overflow-wrap: normal; }
table { border: 0; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; margin: .6rem 0; }
caption { text-align: left; padding: 0 0 .5rem; font-weight: 600; }
h1 + section caption { position: absolute; clip-path: inset(50%); }
th, td { border: 0 solid var(--line); border-bottom-width: 1px; padding: .3rem .7rem; text-align: right;
  vertical-align: top; }
thead th, thead td { background: var(--fill); }
tbody th { font-weight: inherit; text-align: left; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td small, th small { color: var(--soft); white-space: nowrap; display: block; }
.results th, .results td { padding: .3rem .5rem; }
.results tbody th { position: sticky; left: 0; max-width: 9rem; background: var(--back); }
th small { font-weight: normal; } .unbuilt { color: var(--soft); }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-align: inherit; }
th[aria-sort] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.note, .soft { color: var(--soft); font-size: 14px; }
.statement { border-left: 4px solid var(--warn); background: var(--fill); padding: .6rem 1rem; margin: .6rem 0; }
.verdict { font-weight: 600; white-space: nowrap; }
.holds { color: var(--holds); } .fails { color: var(--fails); }
.open { color: var(--open); } .barred { color: var(--barred); }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
""".strip()

NOTEBOOK = """
.output img, .text_cell_render img { max-width: 100%; height: auto; background: #fff; }
.input_area { background: var(--fill); padding: .3rem .8rem; border-left: 3px solid var(--line); overflow-x: auto; }
math[display=block] { overflow-x: auto; padding: .4rem 0; font-size: 1.1em; }
.output_text pre { padding-left: .8rem; white-space: pre-wrap; }
.output_area, .text_cell_render { overflow-x: auto; overflow-wrap: normal; }
"""

RESULTS = """
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .8rem; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .7rem 1rem; background: var(--fill); }
.card h3, .card p { margin: 0 0 .4rem; }
.both { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 2rem; }
.bar { display: flex; height: 1.6rem; border-radius: 4px; overflow: hidden; gap: 2px; }
.bar span { background: currentColor; min-width: 2px; }
.tally { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; list-style: none; padding: 0; margin: .4rem 0; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .strong { font-weight: 600; } svg .quiet { fill: var(--soft); font-size: 12px; }
svg a text { fill: var(--link); }
svg line, svg path, svg circle, svg rect { stroke: currentColor; fill: none; stroke-width: 1.6; }
svg .full, svg .seed { fill: currentColor; } svg .seed { stroke: none; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .null { stroke: var(--soft); stroke-dasharray: 4 3; }
svg .stated { stroke: var(--ink); } svg .range { fill: var(--ink); fill-opacity: .15; stroke: none; }
.plot svg { width: 100%; height: auto; display: block; }
.plot .wide { min-width: 52rem; }
.plot .narrow { display: none; max-width: 26rem; }
.narrow a text { paint-order: stroke; stroke: var(--back); stroke-width: 5px; }
@media (max-width: 54rem) { .plot .wide { display: none; } .plot .narrow { display: block; } }
figure { margin: 0 0 1rem; }
.shown { margin-top: 1.2rem; }
.shown img { max-width: 100%; height: auto; background: #fff; }
figcaption { color: var(--soft); font-size: 14px; }
figcaption svg { width: 16px; height: 16px; vertical-align: -3px; }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin: .6rem 0; font-size: 14px; }
form[hidden] { display: none; }
label { display: grid; } select, input { font: inherit; padding: .25rem .4rem; max-width: 100%; }
#verdicts-table th, #verdicts-table td { padding: .3rem .5rem; }
#verdicts-table tbody th { min-width: 15rem; }
#verdicts-table td.effect { white-space: nowrap; }
#verdicts-table td.premise { min-width: 12rem; font-size: 13px; }
details > code { display: block; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; }
  #verdicts-table tbody th { min-width: 11rem; } }
"""
