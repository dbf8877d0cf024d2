// A draft saves itself: after a pause in typing, when a field is left, when the page is hidden. What the hub could not
// take stays on this device and is sent again.
"use strict";

const form = document.getElementById("write");
const IDLE_MS = 2000, LATEST_MS = 6000, AGAIN_MS = 5000;
const key = `write:${form.dataset.draft}:${form.elements.version.value}`;
const byId = (id) => document.getElementById(id);
let idle = 0, latest = 0, again = 0, dirty = false, leaving = false;

const fields = () => Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
const keep = () => {
  try { localStorage.setItem(key, JSON.stringify(fields())); } catch { /* no room, or not allowed: the hub has it soon */ }
};
const forget = () => { try { localStorage.removeItem(key); } catch { /* as above */ } };

const save = () => {
  clearTimeout(idle); clearTimeout(latest); clearTimeout(again);
  idle = latest = again = 0;
  if (dirty) form.dispatchEvent(new CustomEvent("save"));
};
const touched = () => {
  dirty = true;
  byId("write_state").classList.add("unsaved");
  keep();
  clearTimeout(idle);
  idle = setTimeout(save, IDLE_MS);
  latest ||= setTimeout(save, LATEST_MS);
};

form.addEventListener("input", (event) => {
  if (event.target.type === "file") return;
  touched();
  const piece = event.target.closest(".piece");
  if (event.target.matches("[data-words]")) {
    const reading = piece.querySelector(".reading"), note = reading?.querySelector(".old-note");
    if (note) { note.hidden = false; reading.classList.add("old"); }
  }
});
form.addEventListener("change", (event) => { if (event.target.type !== "file") { dirty = true; save(); } });
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "hidden" || !dirty || leaving) return;
  keep();
  const body = new URLSearchParams({ ...fields(), do: "save" });
  // a phone may end the page now: this request outlives it
  fetch(form.action, { method: "POST", body, keepalive: body.toString().length < 60000, headers: { "HX-Request": "true" } })
    .catch(() => { /* kept here, and sent when the page is back */ });
});
addEventListener("pageshow", () => { if (dirty) save(); });
addEventListener("online", save);
addEventListener("write:leaving", () => { leaving = true; dirty = false; forget(); });

// Any other button: nothing that is held here is given up before the hub has it.
form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!button || button.dataset.brings !== undefined) return;
  event.preventDefault();
  if (button.value === "save") { dirty = true; save(); return; }
  button.setAttribute("aria-busy", "true");
  const words = button.querySelector("span") ?? button;
  if (button.dataset.slow) words.textContent = button.dataset.slow;
  keep();
  const body = new URLSearchParams({ ...fields(), do: button.value });
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    byId("write_away").hidden = true;
    const next = answer.headers.get("HX-Redirect");
    if (next && !/^\/(write|bulletins)\//.test(next)) { leaving = true; location.assign(next); return; } // to sign in: it is kept
    if (next) { go(next); return; }
    if (answer.redirected || answer.status === 401) throw new TypeError("signed out");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const conflict = fresh.getElementById("write_conflict");
    if (conflict) byId("write_conflict").replaceChildren(...conflict.childNodes);
    else byId("write_said").replaceChildren(...fresh.body.childNodes);
    (conflict ? byId("write_conflict") : byId("write_said")).scrollIntoView({ block: "center" });
  } catch {
    byId("write_away").hidden = false;
    byId("write_away").scrollIntoView({ block: "center" });
    dirty = true;
    again = setTimeout(save, AGAIN_MS);
  }
  button.removeAttribute("aria-busy");
});
const go = (address) => {
  leaving = true;
  dirty = false;
  forget();
  const next = new URL(address, location.href);
  const same = next.pathname + next.search === location.pathname + location.search;
  if (same) { location.hash = next.hash; location.reload(); } else location.assign(next.href);
};

// What became of saving.
let sent = "";
document.addEventListener("htmx:beforeRequest", (event) => { if (event.target === form) { sent = JSON.stringify(texts()); } });
const texts = () => [...form.querySelectorAll("textarea, input:not([type=hidden]):not([type=file]), select")]
  .map((field) => (field.type === "checkbox" || field.type === "radio" ? field.checked : field.value));
document.addEventListener("htmx:configRequest", (event) => {
  if (event.target === form) event.detail.parameters.do = "save"; // not what was tapped last
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== form) return;
  // only the hub's own answer to a saving says that it has it: not the page on which one signs in again
  const answer = event.detail.xhr?.responseText ?? "";
  const done = event.detail.successful && /id="write_(number|conflict)"/.test(answer);
  byId("write_away").hidden = done;
  if (done) {
    dirty = JSON.stringify(texts()) !== sent;
    if (dirty) touched(); else if (!byId("write_conflict").childElementCount) forget();
  } else {
    dirty = true;
    again = setTimeout(save, AGAIN_MS);
  }
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.target !== form) return;
  const fresh = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  byId("write_said").replaceChildren(...fresh.body.childNodes);
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-leave]")) { forget(); dirty = false; }
});

// How long it gets, while somebody types; the hub's own count comes with each saving.
const syllables = (text) => (text.match(/[\p{L}]+/gu)?.length ?? 0)
  + (text.match(/\d/g)?.length ?? 0) * 1.6;
form.addEventListener("input", (event) => {
  if (!event.target.matches("[data-words]")) return;
  const seconds = syllables(event.target.value) * Number(form.dataset.syllable);
  const place = event.target.closest(".piece").querySelector("[data-length]");
  place.textContent = place.textContent.replace(/[\d:]+.*$/, `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`);
});

// What the hub did not get before the page was ended.
const putBack = (kept) => {
  let differs = false;
  for (const [name, value] of Object.entries(kept)) {
    const field = form.elements[name];
    if (field?.matches?.("textarea, input:not([type]), input[type=number], select") && field.value !== value) {
      field.value = value;
      differs = true;
    }
  }
  if (differs) { touched(); save(); } else forget();
};
// The draft is another one by now, perhaps with other pieces: nothing of it is mixed. The hub, who knows whether that was
// this page's own last saving, takes it or keeps it beside what another wrote.
const handIn = async (kept) => {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ ...kept, do: "save" }), headers: { "HX-Request": "true" } });
    const text = await answer.text(), fresh = new DOMParser().parseFromString(text, "text/html");
    byId("write_away").hidden = true;
    if (answer.redirected || answer.status === 401 || answer.status >= 500) throw new TypeError("not now");
    const conflict = fresh.getElementById("write_conflict");
    if (conflict?.childElementCount) {
      forget();
      conflict.querySelector("button[value=mine]").value = `restore:${form.dataset.draft}-${kept.tab}`;
      byId("write_conflict").replaceChildren(...conflict.childNodes);
      byId("write_conflict").scrollIntoView({ block: "center" });
    } else if (fresh.getElementById("write_number")) go(location.href);
    else { // it fits nowhere any more: what was typed can at least be copied
      byId("write_said").replaceChildren(...fresh.body.childNodes);
      for (const [name, value] of Object.entries(kept)) {
        if (!/^s\d+\.text$/.test(name) || !value) continue;
        const shown = document.createElement("pre");
        shown.className = "kept";
        shown.textContent = value;
        byId("write_said").append(shown);
      }
    }
  } catch {
    byId("write_away").hidden = false;
    setTimeout(handIn, AGAIN_MS, kept);
  }
};
try {
  const kept = JSON.parse(localStorage.getItem(key) ?? "null");
  if (kept && kept.number === byId("write_number").value) putBack(kept);
  else if (kept) handIn(kept);
} catch { forget(); }
