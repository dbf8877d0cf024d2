// Looking back: a tap on the bar chooses a time, buttons move it, and a film that cannot be shown says so.
// Without this the fields and buttons of the form do the same.

const DAY = 86400;
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

const show = (part) => {
  const line = part.querySelector("[data-cursor]");
  const x = (seconds(part.querySelector("[name=at]").value) / DAY) * 1440;
  for (const name of ["x1", "x2"]) line.setAttribute(name, x);
  line.setAttribute("visibility", "visible");
  const [size, length] = [part.querySelector("[data-size]"), seconds(part.querySelector("[name=to]").value) - seconds(part.querySelector("[name=at]").value)];
  const bytes = length * Number(size.dataset.size);
  size.textContent = bytes > 0 ? size.dataset.words.replace("0", Math.max(1, Math.round(bytes / 1e6))) : "";
};

document.addEventListener("click", (event) => {
  const part = event.target.closest?.("#lookback");
  const bar = event.target.closest?.("[data-bar] svg");
  const step = event.target.closest?.("[data-step]");
  if (part && bar) {
    const box = bar.getBoundingClientRect();
    choose(part, ((event.clientX - box.left) / box.width) * DAY);
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
