// What htmx does not do for the console: toasts, the stale notice, new cards, camera pictures.
"use strict";
(() => {
  const GOOD_TOAST_MS = 8000;
  const BAD_TOAST_MS = 40000;
  const PICTURE_MS = 3000;
  const RESHAPE_MS = 300;
  const byId = (id) => document.getElementById(id);
  const ahead = Number(document.body.dataset.now) - Date.now(); // the hub's clock: a phone's own may be wrong

  // Toasts: the same words stand there once; all go by themselves, bad news later; none lies on a form being filled.
  const wordsOf = (toast) => (toast.querySelector("p") ?? toast).textContent.trim();
  const settleToast = (toast) => {
    for (const other of [...byId("toasts").children]) {
      if (other !== toast && wordsOf(other) === wordsOf(toast)) other.remove();
    }
    const stays = Number(toast.dataset.stays) || (toast.classList.contains("good") ? GOOD_TOAST_MS : BAD_TOAST_MS);
    setTimeout(() => toast.remove(), stays);
  };
  const uncover = (event) => {
    if (!event.target.matches?.("textarea, input, select")) return;
    const form = event.target.form?.getBoundingClientRect();
    for (const toast of form ? [...byId("toasts").children] : []) {
      const place = toast.getBoundingClientRect();
      if (place.top < form.bottom && place.bottom > form.top) toast.remove();
    }
  };
  document.addEventListener("focusin", uncover);
  document.addEventListener("input", uncover);
  document.querySelectorAll(".toast").forEach(settleToast);
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach((n) => n.nodeType === 1 && settleToast(n));
    const toasts = byId("toasts").children;
    while (toasts.length > 5) toasts[toasts.length - 1].remove();
  }).observe(byId("toasts"), { childList: true });
  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close]");
    if (close) close.closest(".toast").remove();
  });
  const say = (text) => {
    const toast = document.createElement("div");
    toast.className = "toast bad";
    toast.setAttribute("role", "alert");
    toast.textContent = text;
    toast.dataset.close = "";
    toast.dataset.away = "";
    byId("toasts").prepend(toast);
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => say(byId("toasts").dataset.unreachable));
  }

  // The menu closes by a tap beside it, and by Escape.
  document.addEventListener("click", (event) => {
    const menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // A level says its number while it is moved.
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-level]")) event.target.nextElementSibling.textContent = `${event.target.value} %`;
  });

  // A tap on what is wrong leads to its row, through a fold if need be.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".alerts a");
    for (let fold = link && byId(link.hash.slice(1))?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      fold.open = true;
    }
  });

  // A form that has done its work is emptied; one whose sentence was refused keeps it. The page gets shorter: who wrote
  // stays with the form, and does not find the form of another node under the finger.
  const finish = (form) => {
    form.reset();
    form.querySelector(".reading")?.replaceChildren();
    const details = form.closest("details");
    details?.removeAttribute("open");
    const stays = details?.querySelector("summary") ?? form.querySelector("textarea");
    stays.scrollIntoView({ block: "center" });
    if (details) stays.focus({ preventScroll: true });
  };
  document.addEventListener("form-done", (event) => {
    const form = event.target.closest("form[data-clears]");
    if (form) setTimeout(finish, 0, form); // the answer is still being placed, seen from a button in the form
  });

  // What was read is marked as old when the text is changed; typing another way to read chooses that way.
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.name === "text") {
      const reading = field.form?.querySelector(".reading");
      const note = reading?.querySelector(".old-note");
      if (note) { note.hidden = false; reading.classList.add("old"); } else reading?.replaceChildren();
    } else if (field.name?.endsWith(".own")) {
      const own = field.closest(".ask").querySelector("[data-own]");
      own.checked = field.value !== "";
      if (own.checked) answered(field.closest(".ask"), field.value);
    }
  });

  // A folded question says what was answered; a tap on an answer unfolds the next open question, below the finger.
  const answered = (ask, words) => { ask.classList.remove("open"); ask.querySelector(".answer").textContent = words; };
  document.addEventListener("change", (event) => {
    const way = event.target;
    const ask = way.type === "radio" && way.closest(".ask");
    if (!ask) return;
    if (way.matches("[data-own]")) { way.nextElementSibling.focus(); return; }
    answered(ask, way.closest(".way").querySelector(".words").textContent);
    ask.closest(".reading").querySelector(".ask.open details")?.setAttribute("open", "");
  });
  document.addEventListener("htmx:beforeSwap", (event) => event.detail.target.classList?.remove("old"));

  // How far it is, by the hub's clock.
  const clock = (seconds) => {
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
    return (h ? [h, String(m).padStart(2, "0")] : [m]).concat(String(s).padStart(2, "0")).join(":");
  };
  const progress = () => document.querySelectorAll(".progress[data-since]").forEach((place) => {
    const since = Number(place.dataset.since), ends = Number(place.dataset.ends);
    const played = Math.max(0, (Date.now() + ahead - since) / 1000), whole = (ends - since) / 1000;
    const known = ends > since;
    place.querySelector(".elapsed").textContent = known
      ? `${clock(Math.min(played, whole))} / ${clock(Math.round(whole))}` : clock(played);
    const bar = place.querySelector("progress");
    if (bar && known) bar.value = Math.min(1000, 1000 * played / whole);
  });
  setInterval(progress, 1000);
  progress();

  // Whether what is shown is live, and of when it is if not. The hub is heard at least every 15 s; a phone that slept, or
  // a network that swallows, shows by the silence.
  const SILENCE_MS = 40_000;
  let heard = Date.now();
  let source = null;
  const hear = () => { heard = Date.now(); byId("stale").hidden = true; };
  const lose = () => {
    const known = byId("stale").querySelector("[data-known]");
    const at = new Intl.DateTimeFormat("vi-VN", { timeZone: document.body.dataset.zone, timeStyle: "medium" })
      .format(heard + ahead);
    if (byId("stale").hidden) known.textContent = known.dataset.words.replace("{at}", at);
    byId("stale").hidden = false;
  };
  document.addEventListener("htmx:sseError", lose);
  document.addEventListener("htmx:sseMessage", hear);
  document.addEventListener("htmx:sseOpen", (event) => {
    source = event.detail.source;
    source.addEventListener("beat", hear);
    hear();
    document.querySelectorAll("#toasts [data-away]").forEach((toast) => toast.remove()); // it holds no longer
  });
  const notice = () => {
    if (!source || Date.now() - heard < SILENCE_MS) return;
    lose();
    source.close();
    source.dispatchEvent(new Event("error")); // htmx connects again when one that is closed fails
    source = null;
  };
  setInterval(notice, 5000);
  document.addEventListener("visibilitychange", () => document.hidden || notice());

  // Nodes that come or go, or have other things than before: exchange those cards, leave the others alone.
  const isTouched = (card) => [...card.querySelectorAll("textarea, input:not([type=hidden])")]
    .some((field) => field === document.activeElement || field.value !== field.defaultValue);
  let shown = byId("shape")?.dataset.shape;
  let timer = 0;
  // What somebody has unfolded stays so in the card that comes in its place; a count in its name may have changed.
  const foldName = (fold) => {
    const words = fold.querySelector("summary");
    return `${fold.parentElement.closest("[id]").id} ${(words.ariaLabel ?? words.textContent).replace(/\d+|\s+/g, " ")}`;
  };
  const keepFolds = (old, fresh) => {
    const unfolded = new Set([...old.querySelectorAll("details[open]")].map(foldName));
    fresh.querySelectorAll("details").forEach((fold) => { if (unfolded.has(foldName(fold))) fold.open = true; });
  };
  const reshape = async () => {
    timer = 0;
    const wanted = byId("shape").dataset.shape;
    if (wanted === shown) return;
    const answer = await fetch(byId("cards").dataset.cards, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    const cards = byId("cards");
    let waits = false;
    for (const old of [...cards.children]) {
      if (!fresh.querySelector(`#${CSS.escape(old.id)}`)) old.remove();
    }
    [...fresh.children].forEach((card, place) => {
      const old = byId(card.id);
      if (old && old.dataset.shape === card.dataset.shape) return;
      if (old && isTouched(old)) { waits = true; return; }
      if (old) { keepFolds(old, card); old.replaceWith(card); } else cards.insertBefore(card, cards.children[place] ?? null);
      htmx.process(card);
      watch(card);
    });
    if (waits) timer = setTimeout(reshape, 5000); else shown = wanted;
  };
  document.addEventListener("htmx:sseMessage", () => {
    if (byId("shape") && byId("shape").dataset.shape !== shown && !timer) timer = setTimeout(reshape, RESHAPE_MS);
  });

  // Camera pictures: a new one every three seconds, only while somebody can see it.
  const visible = new Set();
  const loading = new WeakSet();
  const asked = new WeakMap();
  const eye = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { visible.add(entry.target); look(entry.target); } else visible.delete(entry.target);
    }
  });
  const look = async (image) => {
    if (document.hidden || loading.has(image)) return;
    const every = 1000 * Number(image.dataset.every); // of a page with many cameras
    if (every && Date.now() - (asked.get(image) ?? 0) < every) return;
    asked.set(image, Date.now());
    if (!image.isConnected) { visible.delete(image); eye.unobserve(image); return; }
    loading.add(image);
    try {
      const answer = await fetch(image.dataset.camera, { cache: "no-store", signal: AbortSignal.timeout(15000) });
      if (!answer.ok) return;
      const picture = URL.createObjectURL(await answer.blob());
      const before = image.src;
      image.src = picture;
      if (before.startsWith("blob:")) URL.revokeObjectURL(before);
      const taken = image.parentElement.querySelector("[data-taken]");
      taken.textContent = decodeURIComponent(answer.headers.get("X-Picture-Words") ?? "");
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error; // the hub is away: try again
    } finally {
      loading.delete(image);
    }
  };
  const watch = (root) => root.querySelectorAll("[data-camera]").forEach((image) => eye.observe(image));
  watch(document);
  setInterval(() => visible.forEach(look), PICTURE_MS);
})();
