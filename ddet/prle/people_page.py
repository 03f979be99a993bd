"""The page that asks people: one picture at a time, by keys and touch; answers stay in the browser until saved."""

import base64
import json
from collections.abc import Mapping

from ddet.report import html

STYLE = """
.ask { text-align: center; } .ask img { width: min(20rem, 80vw); height: auto; background: #000; }
main button { font: inherit; padding: .9rem 1.6rem; margin: .6rem .4rem; min-width: 8rem; border-radius: 6px;
  border: 2px solid var(--link); background: var(--fill); color: var(--ink); cursor: pointer;
  touch-action: manipulation; }
textarea { width: 100%; min-height: 8rem; }
[hidden] { display: none; }
"""
BODY = """
<h1>Real or fake?</h1>
<noscript><p class="statement">This page needs JavaScript to show faces in random order.</p></noscript>
<section id="start">
<p>You will see faces, one at a time. Some are real; in others a part of the face is forged. Black pixels hide a part of
some faces, of real ones as well. Say for each whether it is real or fake; guess where you do not know. There is no time
limit, and you can stop at any time: the page remembers where you were.</p>
<p>Keys: <kbd>F</kbd> or <kbd>←</kbd> for fake, <kbd>J</kbd> or <kbd>→</kbd> for real, <kbd>Backspace</kbd> takes the
last answer back. Nothing leaves this page until you save the file and send it yourself. It holds a random number in
place of a name, your answers, and how long each took.</p>
<p><button id="begin" type="button">Begin</button></p>
</section>
<section id="ask" class="ask" hidden>
<p id="where" aria-live="polite"></p>
<p><img id="face" alt="The face to judge"></p>
<p><button id="fake" type="button">Fake</button><button id="real" type="button">Real</button></p>
<p><button id="back" type="button">Take back</button></p>
</section>
<section id="end" hidden>
<h2>Thank you</h2>
<p><a id="save" download="answers.csv">Save your answers</a> and send the file to who asked you. Or copy them:</p>
<textarea id="text" readonly aria-label="Your answers as CSV"></textarea>
<p><button id="again" type="button">Begin anew, as somebody else</button></p>
</section>
"""
SCRIPT = """
const pictures = JSON.parse(document.getElementById("pictures").textContent), items = Object.keys(pictures);
const at = id => document.getElementById(id), place = "ddet-people-" + items.length;
const kept = () => { try { return JSON.parse(localStorage.getItem(place)); } catch { return null; } };
const keep = () => { try { localStorage.setItem(place, JSON.stringify(state)); } catch { } };
const number = below => crypto.getRandomValues(new Uint32Array(1))[0] % below;
function fresh() {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const k = number(i + 1);
    [order[i], order[k]] = [order[k], order[i]];
  }
  return {person: "p" + number(1e9), order, answers: []};
}
let state = kept(), since = 0;
if (!state || state.order.length !== items.length || state.order.some(item => !(item in pictures))) state = fresh();
const csv = () => ["person,order,item,answer,ms",
  ...state.answers.map((a, i) => [state.person, i, state.order[i], a.answer, a.ms].join())].join("\\n") + "\\n";
function show() {
  const done = state.answers.length, over = done === items.length;
  at("start").hidden = true;
  at("ask").hidden = over;
  at("end").hidden = !over;
  if (over) {
    at("text").value = csv();
    at("save").href = "data:text/csv;charset=utf-8," + encodeURIComponent(csv());
    return;
  }
  at("where").textContent = `Face ${done + 1} of ${items.length}`;
  at("face").src = "data:image/webp;base64," + pictures[state.order[done]];
  at("back").disabled = done === 0;
  since = performance.now();
}
function answer(word) {
  if (at("ask").hidden) return;
  state.answers.push({answer: word, ms: Math.round(performance.now() - since)});
  keep();
  show();
}
function back() {
  if (at("ask").hidden || !state.answers.length) return;
  state.answers.pop();
  keep();
  show();
}
const KEYS = {f: () => answer("fake"), ArrowLeft: () => answer("fake"), j: () => answer("real"),
  ArrowRight: () => answer("real"), Backspace: back};
document.addEventListener("keydown", event => {
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || event.repeat || event.ctrlKey || event.metaKey || event.altKey || at("ask").hidden) return;
  event.preventDefault();
  act();
});
at("begin").addEventListener("click", show);
at("fake").addEventListener("click", () => answer("fake"));
at("real").addEventListener("click", () => answer("real"));
at("back").addEventListener("click", back);
at("again").addEventListener("click", () => { state = fresh(); keep(); show(); });
if (state.answers.length) at("begin").textContent = "Go on";
"""


def page(pictures: Mapping[str, bytes]) -> str:
    """Return the page that asks about each picture once.

    Args:
        pictures: item -> WebP. An item's name must tell nothing of what it is.
    """
    coded = {item: base64.b64encode(picture).decode() for item, picture in sorted(pictures.items())}
    data = f'<script type="application/json" id="pictures">{json.dumps(coded)}</script>'
    return html.document("Real or fake?", f"{BODY}\n{data}\n<script>{SCRIPT}</script>", STYLE)
