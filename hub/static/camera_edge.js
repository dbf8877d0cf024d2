// Keeps a video element at the live edge of pieces of fMP4 that arrive one picture at a time.
const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

const JUMP_S = 1.5; // further behind: jump
const HURRY_S = 0.5; // further behind: play twice as fast
const SLACK_S = 0.005; // what may always be there before the next picture comes
const WINDOW_MS = 1200; // over which the least slack is looked for
const KEEP_S = 8; // of the past
const MOST_PENDING = 600;

export const canPlay = (codec) => Boolean(Source?.isTypeSupported(`video/mp4; codecs="${codec}"`));

export class Edge {
  #video;
  #media = null;
  #buffer = null;
  #url = "";
  #pending = [];
  #keys = []; // media times at which groups of pictures begin
  #slack = []; // [when, seconds that were still there]
  #onBroken;

  constructor(video, onBroken) {
    this.#video = video;
    this.#onBroken = onBroken;
    video.addEventListener("error", () => this.#media && this.#onBroken());
  }

  // Begins anew, with the next pieces of this codec.
  open(codec) {
    this.close();
    const media = new Source();
    this.#media = media;
    this.#url = URL.createObjectURL(media);
    this.#video.disableRemotePlayback = true; // without this an iPhone plays nothing
    media.addEventListener("sourceopen", () => {
      if (media !== this.#media) return;
      this.#buffer = media.addSourceBuffer(`video/mp4; codecs="${codec}"`);
      this.#buffer.addEventListener("updateend", () => this.#settle());
      this.#feed();
    }, { once: true });
    this.#video.src = this.#url;
    this.#video.play().catch(() => {}); // it plays as soon as it can: muted, nobody need tap
  }

  close() {
    if (!this.#media) return;
    this.#media = this.#buffer = null;
    this.#pending = [];
    this.#keys = [];
    this.#slack = [];
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#url);
  }

  // Seconds of video that are here and were not shown yet.
  get ahead() {
    const ranges = this.#buffer?.buffered;
    return ranges?.length ? ranges.end(ranges.length - 1) - this.#video.currentTime : 0;
  }

  push(kind, data) {
    if (!this.#media) return;
    if (kind === "key" && this.#pending.length > MOST_PENDING) {
      this.#pending = this.#pending.filter((piece) => piece.kind === "init");
    }
    this.#pending.push({ kind, data });
    if (kind !== "init") this.#note();
    this.#feed();
  }

  #note() {
    const now = performance.now();
    this.#slack.push([now, this.ahead]);
    while (this.#slack[0][0] < now - WINDOW_MS) this.#slack.shift();
  }

  #feed() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || !this.#pending.length) return;
    const ranges = buffer.buffered;
    const end = ranges.length ? ranges.end(ranges.length - 1) : 0;
    if (this.#pending.some((piece) => piece.kind === "key")) this.#keys.push(end);
    const body = this.#pending.length === 1 ? this.#pending[0].data : joined(this.#pending);
    this.#pending = [];
    try {
      buffer.appendBuffer(body);
    } catch (error) {
      this.#onBroken(error); // full, or closed by the browser: begin anew
    }
  }

  #settle() {
    if (!this.#buffer || this.#buffer.updating) return;
    this.#follow();
    if (!this.#trim()) this.#feed();
  }

  // Jumps where it is far behind or stands before a hole, else plays a little faster until only the least is ahead.
  #follow() {
    const video = this.#video, ranges = this.#buffer.buffered;
    if (!ranges.length) return;
    const last = ranges.length - 1, start = ranges.start(last), end = ranges.end(last);
    const ahead = end - video.currentTime;
    if (video.currentTime < start - 0.001 || ahead > JUMP_S || ahead < -0.5) {
      video.currentTime = Math.max(start, end - 0.1);
      video.playbackRate = 1;
      this.#slack = [];
    } else {
      const slack = Math.min(...this.#slack.map(([, seconds]) => seconds)) - SLACK_S;
      const rate = ahead > HURRY_S ? 2 : 1 + Math.min(0.5, Math.max(0, 1.5 * slack));
      if (Math.abs(rate - video.playbackRate) > 0.01 || rate === 1) video.playbackRate = rate;
    }
    if (video.paused) video.play().catch(() => {});
  }

  // Forgets whole groups of pictures only: what is cut off takes with it all up to the next key frame.
  #trim() {
    const limit = this.#video.currentTime - KEEP_S;
    let cut = 0;
    while (this.#keys.length > 1 && this.#keys[1] < limit) { this.#keys.shift(); cut = this.#keys[0]; }
    if (!cut || this.#buffer.buffered.start(0) >= cut - 0.1) return false;
    this.#buffer.remove(0, cut - 0.05);
    return true;
  }
}

const joined = (pieces) => {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.data.byteLength, 0));
  let place = 0;
  for (const { data } of pieces) { whole.set(data, place); place += data.byteLength; }
  return whole;
};
