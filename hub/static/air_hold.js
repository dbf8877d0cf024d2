// The last step before an emergency: hold for two seconds. Who cannot hold has the two taps below.
const HOLD_MS = 2000;
const form = document.querySelector("[data-hold-form]");
const button = form.querySelector("[data-hold]");
const words = button.querySelector("span");
const held = form.querySelector("[data-held]");
let began = 0;
let turning = 0;

form.querySelector("[data-hold-box]").hidden = false;
form.querySelector("[data-taps]").open = false;

const let_go = () => {
  cancelAnimationFrame(turning);
  began = 0;
  held.value = 0;
  words.textContent = button.dataset.words;
};

const turn = () => {
  held.value = Math.min(100, ((performance.now() - began) / HOLD_MS) * 100);
  if (held.value < 100) { turning = requestAnimationFrame(turn); return; }
  began = 0;
  button.disabled = true;
  words.textContent = button.dataset.sending;
  navigator.vibrate?.([80, 60, 80]);
  form.querySelector("[data-sure]").checked = true;
  form.requestSubmit();
};

const press = () => {
  if (began || button.disabled) return;
  began = performance.now();
  words.textContent = button.dataset.holding;
  turning = requestAnimationFrame(turn);
};

const release = () => { if (began) let_go(); };

button.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  button.setPointerCapture(event.pointerId);
  press();
});
for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur", "keyup"]) button.addEventListener(name, release);
button.addEventListener("keydown", (event) => {
  if (event.repeat || ![" ", "Enter"].includes(event.key)) return;
  event.preventDefault();
  press();
});
button.addEventListener("contextmenu", (event) => event.preventDefault());
document.addEventListener("visibilitychange", release);
window.addEventListener("pageshow", () => { button.disabled = false; let_go(); });
