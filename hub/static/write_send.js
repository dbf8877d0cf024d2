// A form with a file on its way: how much was sent, that the hub works on it, and why it was refused. Others import this,
// pages do not load it: a browser would run what is both loaded and imported twice, by two addresses.
"use strict";

const post = (address, data, box, refused) => new Promise((resolve) => {
  const sending = new XMLHttpRequest(); // fetch does not tell how much was sent
  const words = box?.querySelector(".sent"), bar = box?.querySelector("progress");
  if (box) {
    box.hidden = false;
    words.textContent = words.dataset.sending;
    bar.value = 0;
  }
  refused.hidden = true;
  const fail = (text) => {
    if (box) box.hidden = true;
    refused.textContent = text;
    refused.hidden = false;
    refused.scrollIntoView({ block: "nearest" });
    resolve(false);
  };
  sending.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable && bar) bar.value = 100 * event.loaded / event.total;
  });
  sending.upload.addEventListener("load", () => {
    if (!box) return;
    words.textContent = words.dataset.working;
    bar.removeAttribute("value");
  });
  sending.addEventListener("load", () => {
    if (sending.status < 300) {
      dispatchEvent(new Event("write:leaving"));
      if (sending.responseURL.split("#")[0] === location.href.split("#")[0]) location.reload();
      else location.assign(sending.responseURL);
      resolve(true);
      return;
    }
    const page = new DOMParser().parseFromString(sending.responseText, "text/html");
    let text = refused.dataset.away;
    try { text = JSON.parse(sending.responseText).words; } catch { text = page.querySelector("[role=alert]:not([hidden]), main p")?.textContent.trim() || text; }
    fail(text);
  });
  for (const name of ["error", "timeout", "abort"]) sending.addEventListener(name, () => fail(refused.dataset.away));
  sending.open("POST", address);
  sending.setRequestHeader("Accept", "application/json, text/html;q=0.5");
  sending.send(data);
});

// What stands beside the button that sends.
const places = (near) => {
  const around = near.closest(".drop, .sound-box, form");
  const found = around.querySelector(".refused") ? around : document;
  return [found.querySelector(".bringing"), found.querySelector(".refused")];
};

export const send = (form, address, act, near, more) => {
  const data = new FormData(form);
  data.set("do", act);
  if (more) data.set(more.field, more.blob, more.name);
  return post(address, data, ...places(near));
};
