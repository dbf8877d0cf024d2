// Keeps the fault panel up to date and presses its buttons without a new page. Without this file the forms do it.
"use strict";

const body = document.body;
const problem = document.getElementById("problem");
let waiting = 0;

let refused = 0; // when something was refused: that is to be read, not wiped away by the next look

function tell(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function show(state) {
  const status = document.getElementById("status");
  if (status.textContent !== state.status) status.textContent = state.status;
  status.className = state.running ? "good" : "bad";
  for (const thing of document.querySelectorAll("[data-thing]")) {
    const cell = state.cells[thing.dataset.thing];
    if (!cell) continue;
    thing.classList.toggle("broken", Boolean(cell.set));
    thing.querySelector(":scope > summary .now").textContent = cell.now;
    thing.querySelector(":scope > summary .fault").textContent = cell.fault;
    for (const button of thing.querySelectorAll(":scope > form button[aria-pressed]"))
      button.setAttribute("aria-pressed", String(button.value === cell.set));
    thing.querySelector(":scope > form .mend").disabled = !cell.set;
  }
}

async function ask(url, options) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(10000) });
  if (!answer.ok) {
    if (options) refused = Date.now();
    return tell(await answer.text());
  }
  const state = await answer.json();
  if (options || Date.now() - refused > 8000) tell("");
  show(state);
}

async function look() {
  clearTimeout(waiting);
  if (!document.hidden) {
    try {
      await ask(body.dataset.state);
    } catch {
      tell(problem.dataset.gone);
    }
  }
  clearTimeout(waiting);
  waiting = setTimeout(look, 1000);
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(event.target, event.submitter);
  const options = { method: "POST", body: new URLSearchParams(data), headers: { Accept: "application/json" } };
  try {
    await ask(event.target.action, options);
  } catch {
    tell(problem.dataset.gone);
  }
});

document.addEventListener("visibilitychange", look);
waiting = setTimeout(look, 1000);
