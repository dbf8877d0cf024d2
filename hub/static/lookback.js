// Looking back: a tap on the bar chooses a time, buttons move it, and a film that cannot be shown says so.
// Without this the fields and buttons of the form do the same.

const DAY = 86400, HOUR = 3600; // no node cuts a longer clip
const seconds = (text) => {
  const parts = (/^\d{3,6}$/.test(text) ? text.padStart(Math.ceil(text.length / 2) * 2, "0").match(/../g) : text.split(/[:h.]/)).map(Number);
  const [hours, minutes, rest] = [...parts, 0, 0];
  return hours * 3600 + minutes * 60 + rest || 0;
};
const clock = (value) => [value / 3600, (value / 60) % 60, value % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":");
const within = (value) => Math.min(DAY - 1, Math.max(0, Math.round(value)));

const choose = (part, at, length) => {
  const [from, to] = [part.querySelector("[name=at]"), part.querySelector("[name=to]")];
  const span = length ?? Math.max(1, seconds(to.value) - seconds(from.value));
  from.value = clock(within(at));
  to.value = clock(within(within(at) + span));
  show(part);
};

// The second bar is the first one, an hour of it: a finger is five minutes wide on a whole day.
const fine = (part, minutes) => {
  const bar = part.querySelector("[data-fine]");
  const svg = bar.querySelector("svg");
  const known = Number(svg.dataset.from ?? -1000);
  const from = minutes >= known + 5 && minutes <= known + 55 ? known : Math.min(1380, Math.max(0, Math.round(minutes - 30)));
  svg.dataset.from = from;
  svg.setAttribute("viewBox", `${from} 0 60 100`);
  bar.querySelectorAll(".hours span").forEach((label, n) => { label.textContent = clock((from + n * 30) * 60).slice(0, 5); });
  bar.hidden = false;
};

const show = (part) => {
  const [at, to] = ["at", "to"].map((name) => seconds(part.querySelector(`[name=${name}]`).value));
  fine(part, at / 60);
  for (const line of part.querySelectorAll("[data-cursor]")) {
    for (const name of ["x1", "x2"]) line.setAttribute(name, at / 60);
    line.setAttribute("visibility", "visible");
  }
  const size = part.querySelector("[data-size]");
  const bytes = (to - at) * Number(size.dataset.size);
  size.classList.toggle("trouble", to - at > HOUR);
  if (to - at > HOUR) size.textContent = size.dataset.long;
  else size.textContent = bytes > 0 ? size.dataset.words.replace("0", Math.max(1, Math.round(bytes / 1e6))) : "";
};

document.addEventListener("click", (event) => {
  const part = event.target.closest?.("#lookback");
  const bar = event.target.closest?.("div.bar svg");
  const step = event.target.closest?.("[data-step]");
  if (part && bar) {
    const box = bar.getBoundingClientRect();
    const minutes = Number(bar.dataset.from) + ((event.clientX - box.left) / box.width) * Number(bar.dataset.minutes);
    choose(part, minutes * 60);
  } else if (part && step) {
    choose(part, seconds(part.querySelector("[name=at]").value) + Number(step.dataset.step));
  }
});

document.addEventListener("change", (event) => {
  const part = event.target.closest?.("#lookback");
  if (!part || !event.target.closest("[data-pick]")) return;
  const [from, to] = [part.querySelector("[name=at]"), part.querySelector("[name=to]")];
  if (event.target === from && from.value && seconds(to.value) <= seconds(from.value)) choose(part, seconds(from.value), 60);
  else if (from.value) show(part);
});

document.addEventListener("htmx:afterSettle", (event) => event.target.id === "lookback" && show(event.target));
if (document.querySelector("#lookback [data-pick]")) show(document.querySelector("#lookback"));

// Media events do not bubble, but they can be caught on the way down.
document.addEventListener(
  "error",
  (event) => {
    if (event.target.matches?.(".clip video")) event.target.parentElement.querySelector(".cannot").hidden = false;
  },
  true,
);
