// A tap is answered on the screen at once, before the hub has answered; what is true comes later, from the hub.
"use strict";
(() => {
  const LONGEST_MS = 30_000; // by then the answer is there, or why there is none
  const FILE_MS = 2000; // what is saved as a file leaves the page as it is
  const root = document.documentElement, words = document.body.dataset.sending;
  const said = document.getElementById("busy");
  const running = new Map(); // what was tapped -> how it is set free again

  const free = (what) => { clearTimeout(running.get(what)?.timer); running.get(what)?.undo(); running.delete(what); };
  const hold = (what, undo, limit) => {
    free(what);
    running.set(what, { undo, timer: setTimeout(free, limit, what) });
  };
  const press = (button, limit, text) => {
    button.classList.add("pressed");
    button.setAttribute("aria-busy", "true");
    if (text) button.dataset.busy = words;
    if (said) said.textContent = words;
    hold(button, () => {
      button.classList.remove("pressed");
      button.removeAttribute("aria-busy");
      delete button.dataset.busy;
      if (said) said.textContent = "";
    }, limit);
  };

  // A form: its button says that it is on its way. Forms that htmx sends say so by a word of their own where they have one.
  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    const own = button?.querySelector(".sending") ?? form.querySelector(".sending");
    const sent = form.matches("[hx-post], [hx-get]") || button?.matches("[hx-post], [hx-get]");
    if (event.defaultPrevented && !sent) return; // a script of the page sends it, and says how far it is
    if (button) press(button, LONGEST_MS, !own);
    if (own && !sent) {
      form.classList.add("htmx-request");
      hold(form, () => form.classList.remove("htmx-request"), LONGEST_MS);
    }
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const button = event.detail.elt;
    if (button.matches("button, a")) press(button, LONGEST_MS, !button.querySelector(".sending"));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    [...running.keys()].forEach((what) => (event.target.contains(what) || !what.isConnected) && free(what));
  });

  // A way to another page: a line runs at the top until it is there.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.target || link.origin !== location.origin || link.matches("[hx-get]")) return;
    if (link.hash && link.href.split("#")[0] === location.href.split("#")[0]) return;
    const file = link.hasAttribute("download") || /\.\w+$/.test(link.pathname);
    link.classList.add("pressed");
    root.classList.add("going");
    hold(link, () => { link.classList.remove("pressed"); root.classList.remove("going"); }, file ? FILE_MS : LONGEST_MS);
  });
  addEventListener("pageshow", (event) => event.persisted && [...running.keys()].forEach(free));
})();
