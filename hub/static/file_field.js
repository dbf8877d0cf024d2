// Says which file was chosen, beside the page's own button for it.
const tell = (field) => {
  const box = field.closest(".file"), words = box?.querySelector("[data-file-said]");
  if (!words) return;
  words.dataset.none ??= words.textContent;
  const name = [...field.files].map((file) => file.name).join(", ");
  words.textContent = name ? words.dataset.some.replace("{name}", name) : words.dataset.none;
  box.classList.toggle("chosen", Boolean(name));
};
document.addEventListener("change", (event) => event.target.matches("input[type=file]") && tell(event.target));
document.addEventListener("reset", (event) => setTimeout(() => event.target.querySelectorAll("input[type=file]").forEach(tell)));
addEventListener("pageshow", () => document.querySelectorAll("input[type=file]").forEach(tell)); // one that the browser remembers
