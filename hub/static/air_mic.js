// Speaking live: push and hold, or tap to begin and tap to end. The hub says what clusters answer; nothing is assumed.
import { Sound } from "./air_sound.js";

const root = document.querySelector("[data-mic]");
const part = (name) => root.querySelector(`[data-${name}]`);
const words = JSON.parse(root.dataset.words);
const MOST_UNSENT = 40_000; // bytes: what is older is of no use any more
const [button, status, left, meter, rows] = ["talk", "status", "left", "meter", "rows"].map(part);
const latch = part("latch");

let sound = null;
let socket = null;
let talk = 0; // counts: what comes of an earlier talk is none of this one's
let ends = 0;
let spoke = 0;
let ticking = 0;
let awake = null;

const show = (state, text, alert = false) => {
  root.dataset.state = state;
  status.textContent = text;
  status.classList.toggle("trouble", alert);
  button.querySelector("span").textContent = words[{ off: "on", ready: latch.checked ? "tap" : "hold", ended: latch.checked ? "tap" : "hold" }[state]
    ?? (latch.checked ? "tap_end" : "let_go")];
  button.setAttribute("aria-pressed", String(!["off", "ready", "ended"].includes(state)));
};

const idle = () => ["ready", "ended"].includes(root.dataset.state);
const places = () => [...root.querySelectorAll("input[name^='at:']:checked")].map((box) => box.name.slice(3));

const level = (db) => { meter.value = Math.round(Math.max(0, 100 + db * 1.6)); };

const packet = (number, db, bytes) => {
  if (!socket || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MOST_UNSENT) return;
  const message = new Uint8Array(5 + bytes.length);
  new DataView(message.buffer).setUint32(0, number);
  message[4] = Math.round(-db);
  message.set(bytes, 5);
  socket.send(message);
};

const open = async () => {
  show("opening", words.opening);
  sound = new Sound({ worklet: root.dataset.worklet, onlevel: level, onpacket: packet, onlost: () => { finish(); close(words.lost); } });
  try {
    await sound.open();
    show("ready", words.ready);
  } catch (error) {
    close(words[{ NotAllowedError: "denied", NotFoundError: "none" }[error.name] ?? "failed"]);
  }
};

const close = (why) => {
  sound?.close();
  sound = null;
  level(-120);
  show("off", why, true);
};

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const tick = () => {
  const now = performance.now();
  if (root.dataset.state === "counting" && now < spoke) {
    const count = Math.ceil((spoke - now) / 1000);
    if (left.textContent !== String(count)) left.textContent = count;
    return;
  }
  if (root.dataset.state === "counting") {
    show("speaking", words.speaking);
    navigator.vibrate?.(80);
  }
  left.textContent = clock(Math.max(0, (ends - now) / 1000));
};

const heard = (message) => {
  switch (message.say) {
    case "ready":
      spoke = performance.now() + message.in_ms;
      ends = spoke + message.seconds * 1000;
      show("counting", words.counting);
      ticking = setInterval(tick, 100);
      tick();
      break;
    case "nodes": {
      part("sum").textContent = words.sum.replace("{ready}", message.ready).replace("{all}", message.all);
      rows.replaceChildren(...message.rows.map(([name, state, text]) => {
        const row = document.createElement("li");
        row.className = state;
        const [who, what] = [document.createElement("span"), document.createElement("span")];
        [who.className, who.textContent, what.textContent] = ["name", name, text];
        row.append(who, " ", what);
        return row;
      }));
      break;
    }
    case "ended": over(message.text, !["stopped", "time"].includes(message.why)); break;
    case "refused": over(message.text, true); break;
  }
};

const begin = () => {
  const where = places();
  if (!where.length) {
    show("ready", words.nowhere, true);
    root.querySelector("input[name^='at:']")?.focus();
    return;
  }
  const mine = ++talk;
  show("connecting", words.connecting);
  rows.replaceChildren();
  part("sum").textContent = "";
  const address = new URL(root.dataset.live, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.onopen = () => {
    const { format, rate } = sound;
    socket.send(JSON.stringify({ say: "start", places: where, format, rate, seconds: Number(part("limit").value) }));
    sound.begin();
  };
  socket.onmessage = ({ data }) => mine === talk && heard(JSON.parse(data));
  socket.onclose = ({ code }) => mine === talk && !idle() && over(code === 4401 ? words.out : words.broken, true);
  navigator.wakeLock?.request("screen").then((lock) => { awake = lock; }, () => {});
};

// Said by the person: what was spoken until now is still heard.
const finish = () => {
  if (!socket || idle() || root.dataset.state === "ending") return;
  sound?.end();
  clearInterval(ticking);
  left.textContent = "";
  if (socket.readyState === WebSocket.OPEN) {
    socket.send('{"say":"stop"}');
    show("ending", words.ending);
  } else {
    talk += 1;
    socket.close();
    over(words.cancelled);
  }
};

const over = (text, alert = false) => {
  sound?.end();
  clearInterval(ticking);
  left.textContent = "";
  awake?.release();
  awake = null;
  socket?.close();
  socket = null;
  if (sound) show("ended", text, alert);
};

const press = () => {
  if (root.dataset.state === "off") open();
  else if (idle()) begin();
};

if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
  part("insecure").hidden = false;
  part("desk").hidden = true;
} else {
  show("off", words.off);
  button.addEventListener("pointerdown", (event) => {
    if (event.button || latch.checked || root.dataset.state === "off") return;
    button.setPointerCapture(event.pointerId);
    press();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    button.addEventListener(name, () => latch.checked || finish());
  }
  button.addEventListener("keydown", (event) => {
    if (latch.checked || root.dataset.state === "off" || event.repeat || ![" ", "Enter"].includes(event.key)) return;
    event.preventDefault();
    press();
  });
  button.addEventListener("keyup", () => latch.checked || finish());
  button.addEventListener("click", () => {
    if (root.dataset.state === "off") open();
    else if (latch.checked) { if (idle()) begin(); else finish(); }
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  latch.addEventListener("change", () => idle() && show("ready", words.ready));
  document.addEventListener("visibilitychange", () => document.hidden && finish());
  window.addEventListener("pagehide", () => { finish(); socket?.close(); });
}
