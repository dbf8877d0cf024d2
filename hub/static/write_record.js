// Recording with this device's microphone: three seconds to get ready, a level, a clock; then the hub cleans it.
"use strict";
import { send } from "./write_send.js";

const box = document.getElementById("recorder");
const form = document.getElementById("write");
const state = box.querySelector(".record-state"), level = box.querySelector(".level");
const start = box.querySelector(".record-start"), stop = box.querySelector(".record-stop");
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const QUIET = 0.01, QUIET_MS = 3000;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const say = (name, values = {}) => {
  state.textContent = Object.entries(values).reduce((text, [k, v]) => text.replace(`{${k}}`, v), box.dataset[name] ?? "");
};
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;

const meter = (stream) => {
  const context = new AudioContext();
  const ear = context.createAnalyser();
  ear.fftSize = 2048;
  context.createMediaStreamSource(stream).connect(ear);
  const samples = new Float32Array(ear.fftSize);
  return {
    read: () => {
      ear.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    },
    close: () => context.close(),
  };
};

const record = async (stream) => {
  const mime = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind)) ?? "";
  const recorder = new MediaRecorder(stream, { mimeType: mime, audioBitsPerSecond: 64000 });
  const ear = meter(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => { if (event.data.size) parts.push(event.data); });
  const ended = new Promise((resolve) => { recorder.addEventListener("stop", resolve, { once: true }); });
  let lost = false;
  const finish = () => { if (recorder.state !== "inactive") recorder.stop(); };
  stream.getAudioTracks()[0].addEventListener("ended", () => { lost = true; finish(); });
  stop.addEventListener("click", finish, { once: true });
  recorder.start(1000); // a piece a second: a page that is stopped loses no more
  const began = performance.now();
  let heard = began, spoke = 0;
  const look = setInterval(() => {
    const now = performance.now(), seconds = (now - began) / 1000, loud = ear.read();
    level.value = Math.min(1, loud * 6);
    if (loud > QUIET) heard = now;
    if (now - heard > QUIET_MS) say("quiet");
    else if (now - spoke > 250) { spoke = now; say("on", { at: clock(seconds) }); }
    if (seconds > Number(box.dataset.most)) finish();
  }, 100);
  await ended;
  clearInterval(look);
  await ear.close();
  level.value = 0;
  if (lost) say("lost");
  return new Blob(parts, { type: recorder.mimeType });
};

const go = async () => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, noiseSuppression: true, autoGainControl: true } });
  } catch { say("denied"); return; }
  start.hidden = true;
  try {
    for (let count = 3; count; count -= 1) { say("starts", { count }); await wait(1000); }
    stop.hidden = false;
    const blob = await record(stream);
    stop.hidden = true;
    state.textContent = "";
    const name = `ghi-am.${blob.type.includes("mp4") ? "m4a" : blob.type.includes("ogg") ? "ogg" : "webm"}`;
    kept = { field: "voice", blob, name };
    await bring();
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    stop.hidden = true;
    start.hidden = false;
  }
};

// A recording that could not be sent is sent again by the same button that would begin another.
let kept = null;
const bring = async () => { if (await send(form, `${form.action}/file`, "voice", box, kept)) kept = null; };
start.addEventListener("click", () => (kept ? bring() : go()));

if (navigator.mediaDevices?.getUserMedia && window.MediaRecorder) box.hidden = false;
else document.getElementById("no_recorder").textContent = box.dataset.no;
