// Follows what the box does, and asks the phone where it is. Without this file the page does it all but the latter.
"use strict";

const GONE_AFTER = 3;
let failed = 0;

async function follow() {
  if (!document.getElementById("running")) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10000) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (!answer.ok || !fresh) throw new Error("no page");
    document.querySelector("main").replaceWith(fresh);
    failed = 0;
  } catch {
    failed += 1;
    if (failed >= GONE_AFTER) document.getElementById("running").textContent = document.body.dataset.gone;
  }
  setTimeout(follow, 1000);
}

function here() {
  const button = document.getElementById("here");
  const none = document.getElementById("here-no");
  if (!button) return;
  const by = document.getElementById("by");
  for (const name of ["latitude", "longitude"])
    document.getElementById(name).addEventListener("input", () => (by.value = "hand"));
  if (!window.isSecureContext || !navigator.geolocation) {
    none.hidden = false;
    return;
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(
      (found) => {
        document.getElementById("latitude").value = found.coords.latitude.toFixed(6);
        document.getElementById("longitude").value = found.coords.longitude.toFixed(6);
        by.value = "phone";
        button.disabled = false;
      },
      () => {
        none.hidden = false;
        button.disabled = false;
      },
      { enableHighAccuracy: true, timeout: 30000 },
    );
  });
}

here();
setTimeout(follow, 1000);
