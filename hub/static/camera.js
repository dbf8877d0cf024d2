// The live picture of a camera: connects, plays, says how it goes; falls back to still pictures.
import { canPlay, Edge } from "./camera_edge.js";

const STILL_MS = 2000;
const POSTER_MS = 1500; // without a live picture: a still would take its share of the node's link
const LOST_MS = 2500; // without a picture
const LATE_S = 1.2;
const RETRY_MS = 1000, RETRY_MOST_MS = 10000, FULL_MS = 10000;
const UNKNOWN = 4404, FULL = 4429;
const KINDS = ["init", "key", "delta"];

class Watcher {
  constructor(root) {
    this.root = root;
    this.texts = JSON.parse(root.dataset.texts);
    this.video = root.querySelector("video");
    this.still = root.querySelector(".still");
    this.why = root.querySelector(".why");
    this.sharp = root.querySelector("[data-sharp]");
    this.full = root.querySelector("[data-full]");
    this.edge = new Edge(this.video, () => this.again());
    this.wanted = "sub";
    this.retry = RETRY_MS;
    this.socket = null;
    this.timer = 0;
    this.stills = 0;
    this.tickets = 0;
    this.forget();
    this.prepare();
  }

  prepare() {
    this.video.addEventListener("loadeddata", () => { this.video.hidden = false; });
    this.sharp.addEventListener("click", () => this.choose(this.wanted === "sub" ? "main" : "sub"));
    this.full.hidden = !(this.root.requestFullscreen || this.video.webkitEnterFullscreen);
    this.full.addEventListener("click", () => {
      if (this.root.requestFullscreen) this.root.requestFullscreen(); else this.video.webkitEnterFullscreen();
    });
    this.video.addEventListener("dblclick", () => document.fullscreenElement && document.exitFullscreen());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", () => document.hidden || this.start());
    setInterval(() => this.look(), 500);
    setTimeout(() => this.last || this.stills || this.shoot(), POSTER_MS);
    if (!document.hidden) this.start();
  }

  forget() {
    this.last = 0;
    this.at = 0;
    this.least = Infinity;
  }

  start() {
    if (this.socket || this.timer || this.stills) return;
    const address = new URL(`${this.root.dataset.live}?stream=${this.wanted}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.forget();
    this.show("connecting");
    socket.onmessage = ({ data }) => socket === this.socket && this.take(data, socket);
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
  }

  stop() {
    clearTimeout(this.timer);
    clearInterval(this.stills);
    const socket = this.socket;
    this.socket = null;
    this.timer = this.stills = 0;
    socket?.close();
  }

  again() {
    this.stop();
    this.edge.close();
    this.timer = setTimeout(() => { this.timer = 0; this.start(); }, RETRY_MS);
  }

  choose(stream) {
    this.wanted = stream;
    this.sharp.setAttribute("aria-pressed", String(stream === "main"));
    this.stop();
    this.start();
  }

  lost(code) {
    this.socket = null;
    if (code === UNKNOWN) return;
    const pause = code === FULL ? FULL_MS : this.retry * (0.5 + Math.random());
    this.retry = Math.min(this.retry * 2, RETRY_MOST_MS);
    this.show("lost");
    if (!document.hidden) this.timer = setTimeout(() => { this.timer = 0; this.start(); }, pause);
  }

  take(data, socket) {
    if (typeof data === "string") { this.hear(JSON.parse(data)); return; }
    const view = new DataView(data);
    socket.send(data.slice(4, 8)); // it has come: the hub sends no more than is taken
    const kind = KINDS[view.getUint8(0)], at = Number(view.getBigUint64(8));
    this.edge.push(kind, new Uint8Array(data, 16));
    if (kind === "init") return;
    this.last = performance.now();
    this.at = at;
    this.least = Math.min(this.least, Date.now() - at);
    this.retry = RETRY_MS;
    this.why.hidden = true;
  }

  hear(said) {
    if (said.say === "hello") this.offset = said.now - Date.now();
    else if (said.say === "stream") this.begin(said);
    else if (said.say === "state") { this.why.textContent = said.text; this.why.hidden = false; this.show("lost"); }
  }

  begin({ codec, stream, wanted, width, height }) {
    this.root.dataset.stream = stream;
    this.sharp.hidden = stream === "main" && wanted === "sub"; // it has one stream only
    if (width && height) this.root.querySelector(".screen").style.aspectRatio = `${width} / ${height}`;
    if (canPlay(codec)) { this.edge.open(codec); return; }
    if (stream === "main" && wanted === "main") {
      this.choose("sub");
      this.sharp.disabled = true;
      this.explain("only_small");
      return;
    }
    this.stop();
    this.edge.close();
    this.video.hidden = true;
    this.explain("stills_why");
    this.show("stills");
    this.stills = setInterval(() => this.shoot(), STILL_MS);
    this.shoot();
  }

  explain(key) {
    this.why.textContent = this.texts[key];
    this.why.hidden = false;
  }

  async shoot() {
    if (document.hidden || this.tickets) return;
    this.tickets = 1;
    try {
      const answer = await fetch(this.root.dataset.picture, { cache: "no-store", signal: AbortSignal.timeout(15000) });
      if (!answer.ok) return;
      const picture = URL.createObjectURL(await answer.blob()), before = this.still.src;
      this.still.src = picture;
      this.still.hidden = false;
      if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error; // the hub is away: try again
    } finally {
      this.tickets = 0;
    }
  }

  // Seconds from the picture's arrival at the node to the screen. Where the clocks disagree: beyond the least seen.
  get delay() {
    const trusted = this.least + this.offset > -300 && this.least + this.offset < 3000;
    const way = Date.now() - performance.now() + this.last - this.at + (trusted ? this.offset : -this.least);
    return way / 1000 + Math.max(0, this.edge.ahead);
  }

  look() {
    if (!this.socket || !this.last) return;
    if (performance.now() - this.last > LOST_MS) { this.show("lost"); return; }
    const delay = this.delay;
    this.show(delay > LATE_S ? "late" : "live", delay.toFixed(0));
  }

  show(state, seconds = "") {
    this.root.dataset.state = state;
    const words = this.texts[state].replace("{seconds}", seconds), place = this.root.querySelector(".badge .say");
    if (place.textContent !== words) place.textContent = words;
  }
}

document.querySelectorAll(".watcher").forEach((root) => { root.watcher = new Watcher(root); });
