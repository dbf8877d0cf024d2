// Forms with a file send it and tell how far it is. Without this, they still send.
"use strict";
import { send } from "./write_send.js";

document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  const field = button?.dataset.brings ?? (form.dataset.brings !== undefined ? "document" : null);
  if (field === null) return;
  event.preventDefault();
  const file = form.elements[field];
  if (!file.files.length) { file.click(); return; }
  if (button) button.disabled = true;
  await send(form, button?.getAttribute("formaction") ?? form.action, button?.value || "document", button ?? form);
  if (button) button.disabled = false;
});
