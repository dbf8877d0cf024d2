// What forms alone cannot do: hear all parts in a row, pick times and clusters by a touch, drag on the week.
const byId = (id) => document.getElementById(id);

// All parts of a bulletin, one after the other; another one that plays is stopped.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
for (const button of document.querySelectorAll("[data-all]")) {
  const sounds = [...button.closest("article").querySelectorAll("audio[data-next]")];
  if (sounds.length < 2) continue;
  button.hidden = false;
  let chain = false;
  sounds.forEach((sound, place) => sound.addEventListener("ended", () => { if (chain) sounds[place + 1]?.play(); }));
  button.addEventListener("click", () => { chain = true; sounds[0].currentTime = 0; sounds[0].play(); });
}

// The list of those who approve holds fields and sounds: it is not exchanged, it says that it is old.
const first = byId("approve-changed")?.dataset.stamp;
let leaving = false; // the answer to a form brings the list anew, and says what became of it: it is not cut short
document.addEventListener("submit", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });
document.addEventListener("htmx:sseMessage", () => {
  const now = byId("approve-changed");
  const playing = [...document.querySelectorAll("audio")].some((sound) => !sound.paused);
  const typed = [...document.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  if (!now || leaving || now.dataset.stamp === first) return;
  if (playing || typed) byId("approve-fresh").hidden = false; else location.reload();
});

// Usual times of day.
for (const row of document.querySelectorAll("[data-times]")) {
  row.hidden = false;
  row.addEventListener("click", (event) => {
    const { time, date } = event.target.closest("[data-time]")?.dataset ?? {};
    const field = row.parentElement.querySelector("input[type=time]");
    if (!time) return;
    if (date) byId("date").value = date;
    field.value = time;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// A touch on the picture of the commune is a tap on the cluster's own button below.
const form = document.querySelector("form.plan");
if (form) {
  const field = (node) => form.querySelector(`input[data-node="${CSS.escape(node)}"]`);
  const draw = () => form.querySelectorAll(".dot-node").forEach((dot) => {
    dot.classList.toggle("chosen", field(dot.dataset.node)?.checked ?? dot.classList.contains("chosen"));
  });
  form.classList.add("ready");
  form.addEventListener("click", (event) => {
    const dot = event.target.closest(".dot-node");
    const box = dot && field(dot.dataset.node);
    if (!box) return;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  });
  form.addEventListener("change", draw);
  // An hour that is over today was taken for tomorrow: the field says so too, unless it was changed meanwhile.
  document.addEventListener("htmx:afterSettle", () => {
    const { from, date } = byId("plan_said")?.dataset ?? {}, day = byId("date");
    const asked = `${day.value}T${form.querySelector("input[name=time]").value}`;
    if (from === asked && document.activeElement !== day) day.value = date;
  });
}

// The week: a slot is dragged to another hour; whether once or always is asked on the page that follows.
let held = null;
document.addEventListener("dragstart", (event) => {
  held = event.target.closest?.(".slot[draggable=true]") ?? null;
  if (held) event.dataTransfer.setData("text/plain", held.href);
});
document.addEventListener("dragend", () => { held = null; });
const cellOf = (event) => (held ? event.target.closest?.(".grid td[data-day]") : null);
document.addEventListener("dragover", (event) => {
  const cell = cellOf(event);
  for (const lit of document.querySelectorAll(".grid td.over")) if (lit !== cell) lit.classList.remove("over");
  if (!cell) return;
  event.preventDefault();
  cell.classList.add("over");
});
document.addEventListener("drop", (event) => {
  const cell = cellOf(event);
  if (!cell) return;
  event.preventDefault();
  const to = new URL(held.href);
  to.searchParams.set("date", cell.dataset.day);
  to.searchParams.set("time", `${cell.dataset.hour.padStart(2, "0")}:${held.dataset.minute}`);
  location.assign(to);
});
