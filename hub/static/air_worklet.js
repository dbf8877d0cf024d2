// Frames of 20 ms of a microphone, mono, at the wanted rate, each with its level. Runs in the audio thread.
class Frames extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const rate = options.processorOptions.rate;
    this.step = sampleRate / rate;
    this.frame = new Float32Array(rate / 50);
    [this.filled, this.sum, this.count, this.phase] = [0, 0, 0, 0];
  }

  process(inputs) {
    const samples = inputs[0][0] ?? new Float32Array(128); // a microphone that is muted gives none: silence
    for (const sample of samples) {
      this.sum += sample;
      this.count += 1;
      this.phase += 1;
      if (this.phase < this.step) continue;
      this.phase -= this.step;
      this.frame[this.filled++] = this.sum / this.count;
      [this.sum, this.count] = [0, 0];
      if (this.filled === this.frame.length) this.pass();
    }
    return true;
  }

  pass() {
    let power = 0;
    for (const sample of this.frame) power += sample * sample;
    const db = 10 * Math.log10(power / this.frame.length + 1e-12);
    const samples = this.frame;
    this.frame = new Float32Array(samples.length);
    this.filled = 0;
    this.port.postMessage({ samples, db: Math.max(-120, Math.min(0, db)) }, [samples.buffer]);
  }
}

registerProcessor("frames", Frames);
