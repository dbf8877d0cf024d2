// A phone's microphone as packets of 20 ms: Opus where the browser makes it, else plain samples that the hub encodes.

const OPUS = {
  codec: "opus", sampleRate: 48_000, numberOfChannels: 1, bitrate: 32_000,
  opus: { frameDuration: 20_000, application: "voip", packetlossperc: 5, useinbandfec: true },
};
const WANTED = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const FRAME_US = 20_000;

const canEncode = async () => {
  try {
    return "AudioEncoder" in window && (await AudioEncoder.isConfigSupported(OPUS)).supported;
  } catch { return false; }
};

const contextFor = (rate) => {
  try { return new AudioContext({ sampleRate: rate }); } catch { return new AudioContext(); }
};

// Some browsers refuse a microphone whose rate is not the context's: then the worklet brings it to ours.
const connected = async (stream, rate) => {
  let context = contextFor(rate);
  try { return [context, context.createMediaStreamSource(stream)]; } catch { await context.close(); }
  context = new AudioContext();
  return [context, context.createMediaStreamSource(stream)];
};

export class Sound {
  // onlevel(db); onpacket(number, db, bytes) while `begin` ... `end`; onlost() when the microphone goes away.
  constructor({ worklet, onlevel, onpacket, onlost }) {
    Object.assign(this, { worklet, onlevel, onpacket, onlost, number: 0, levels: new Map(), running: false });
  }

  async open() {
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
    const [track] = this.stream.getAudioTracks();
    track.onended = () => this.onlost();
    let opus = await canEncode();
    let source;
    [this.context, source] = await connected(this.stream, opus ? 48_000 : 24_000);
    opus &&= this.context.sampleRate === 48_000;
    this.format = opus ? "opus" : "pcm16";
    this.rate = opus ? 48_000 : this.context.sampleRate >= 24_000 ? 24_000 : 16_000;
    await this.context.audioWorklet.addModule(this.worklet);
    const frames = new AudioWorkletNode(this.context, "frames", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { rate: this.rate },
    });
    frames.port.onmessage = ({ data }) => this.frame(data);
    source.connect(frames);
    await this.context.resume();
  }

  begin() {
    [this.number, this.running] = [0, true];
    this.levels.clear();
    if (this.format !== "opus") return;
    this.encoder = new AudioEncoder({ output: (chunk) => this.encoded(chunk), error: () => this.onlost() });
    this.encoder.configure(OPUS);
  }

  end() {
    this.running = false;
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
    this.encoder = null;
  }

  close() {
    this.end();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
  }

  frame({ samples, db }) {
    this.onlevel(db);
    if (!this.running) return;
    const number = this.number++;
    if (this.encoder) {
      this.levels.set(number, db);
      this.encoder.encode(new AudioData({
        format: "f32", sampleRate: 48_000, numberOfFrames: samples.length, numberOfChannels: 1,
        timestamp: number * FRAME_US, data: samples,
      }));
    } else {
      this.onpacket(number, db, new Uint8Array(Int16Array.from(samples, (s) =>
        Math.max(-32_768, Math.min(32_767, Math.round(s * 32_767)))).buffer));
    }
  }

  encoded(chunk) {
    const number = Math.round(chunk.timestamp / FRAME_US);
    const bytes = new Uint8Array(chunk.byteLength);
    chunk.copyTo(bytes);
    const db = this.levels.get(number) ?? -120;
    for (const known of this.levels.keys()) if (known <= number) this.levels.delete(known);
    if (this.running) this.onpacket(number, db, bytes);
  }
}
