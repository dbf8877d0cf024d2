/* An ALSA sound card that is computed: it has a crystal of its own, can stand still and can be pulled out.
 *
 *   pcm.horn { type edgecard  sound "/p/horn.raw"  story "/p/horn.txt"  control "/p/horn.ctl"  ppm 40  step 240 }
 *
 * sound    what was handed over, appended: raw frames in the format of the stream
 * story    when it was heard, one line for each thing that happened (times are CLOCK_MONOTONIC, nanoseconds):
 *            open <rate> <channels> <bytes per sample> <period> <buffer>
 *            run  <time> <frame> <frames per second>   from then on frame number <frame> of the file and those behind
 *                                                      it are heard, at that pace
 *            halt <time> <frame> <why>                 up to there: stop, dry, stall, unplug, close
 * control  optional, one byte, looked at all the time: 's' the card stands still, 'u' it is pulled out, else it works
 * ppm      by how much its crystal is fast
 * step     frames: the position is told only in such steps (a USB card tells whole packets)
 * rate     optional, the only rate it takes; else 8 to 48 kHz
 * channels optional, the only number of channels it takes; else 1 or 2
 * Build: gcc -shared -fPIC -O2 -DPIC -o libasound_module_pcm_edgecard.so card.c -lasound
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>

typedef struct {
    snd_pcm_ioplug_t io;
    FILE *sound, *story;
    const volatile char *control;
    double ppm, base;           /* base: frames heard of this run at base_ns */
    long long base_ns;
    unsigned long long first;   /* number in the file of this run's first frame */
    unsigned long long written; /* frames handed over in this run */
    snd_pcm_uframes_t boundary;
    size_t frame_bytes;
    long step;
    int running, still, gone, timer;
} card_t;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double pace(card_t *c) { return c->io.rate * (1.0 + c->ppm * 1e-6); }

static double heard_at(card_t *c, long long at) {
    if (!c->running || c->still) return c->base;
    return c->base + (double)(at - c->base_ns) * 1e-9 * pace(c);
}

static void tell_run(card_t *c, long long at) {
    fprintf(c->story, "run %lld %.6f %.9f\n", at, c->first + c->base, pace(c));
    fflush(c->story);
}

static void tell_halt(card_t *c, long long at, double frames, const char *why) {
    fprintf(c->story, "halt %lld %.6f %s\n", at, c->first + frames, why);
    fflush(c->story);
    fflush(c->sound);
}

/* The run is over: what is not heard yet never will be. */
static void end_run(card_t *c, const char *why) {
    if (!c->running) return;
    long long at = now_ns();
    double frames = heard_at(c, at);
    if (frames > c->written) frames = c->written;
    if (!c->still) tell_halt(c, at, frames, why);
    c->running = c->still = 0;
}

/* Do what the control says; 0, or a negative error when the card is gone. */
static int obey(card_t *c) {
    char want = c->control ? *c->control : 0;
    if (c->gone || want == 'u') {
        if (!c->gone) {
            end_run(c, "unplug");
            c->gone = 1;
            snd_pcm_ioplug_set_state(&c->io, SND_PCM_STATE_DISCONNECTED);
        }
        return -ENODEV;
    }
    if (c->running && (want == 's') != c->still) {
        long long at = now_ns();
        c->base = heard_at(c, at);
        c->base_ns = at;
        c->still = want == 's';
        if (c->still) tell_halt(c, at, c->base, "stall");
        else tell_run(c, at);
    }
    return 0;
}

/* Frames heard as the card tells them; -EPIPE when it ran dry. */
static snd_pcm_sframes_t told(card_t *c) {
    int error = obey(c);
    if (error < 0) return error;
    if (!c->running) return 0;
    double frames = heard_at(c, now_ns());
    if (frames > c->written) {
        if (c->io.state == SND_PCM_STATE_DRAINING) return c->written;
        end_run(c, "dry");
        return -EPIPE;
    }
    snd_pcm_sframes_t whole = frames;
    return whole - whole % c->step;
}

static int on_start(snd_pcm_ioplug_t *io) {
    card_t *c = io->private_data;
    int error = obey(c);
    if (error < 0) return error;
    c->base = 0;
    c->base_ns = now_ns();
    c->running = 1;
    struct itimerspec each = {{0, 1000000}, {0, 1000000}};
    timerfd_settime(c->timer, 0, &each, NULL);
    tell_run(c, c->base_ns);
    return 0;
}

static int on_stop(snd_pcm_ioplug_t *io) {
    card_t *c = io->private_data;
    end_run(c, "stop");
    return 0;
}

static int on_prepare(snd_pcm_ioplug_t *io) {
    card_t *c = io->private_data;
    end_run(c, "stop");
    c->first += c->written;
    c->written = 0;
    c->base = 0;
    return obey(c);
}

static snd_pcm_sframes_t on_pointer(snd_pcm_ioplug_t *io) {
    card_t *c = io->private_data;
    snd_pcm_sframes_t frames = told(c);
    return frames < 0 ? frames : frames % (snd_pcm_sframes_t)c->boundary;
}

static int on_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay) {
    card_t *c = io->private_data;
    snd_pcm_sframes_t frames = told(c);
    if (frames < 0) return frames;
    *delay = c->written - frames;
    return 0;
}

static snd_pcm_sframes_t on_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                     snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    card_t *c = io->private_data;
    int error = obey(c);
    if (error < 0) return error;
    const char *from = (const char *)areas->addr + (areas->first + areas->step * offset) / 8;
    if (fwrite(from, c->frame_bytes, size, c->sound) != size) return -EIO;
    c->written += size;
    return size;
}

static int on_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params) {
    card_t *c = io->private_data;
    (void)params;
    int width = snd_pcm_format_physical_width(io->format) / 8;
    c->frame_bytes = (size_t)width * io->channels;
    fseek(c->sound, 0, SEEK_END);
    c->first = ftell(c->sound) / c->frame_bytes;
    c->written = 0;
    fprintf(c->story, "open %u %u %d %lu %lu\n", io->rate, io->channels, width, io->period_size, io->buffer_size);
    fflush(c->story);
    return obey(c);
}

static int on_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
    card_t *c = io->private_data;
    return snd_pcm_sw_params_get_boundary(params, &c->boundary);
}

static int on_poll(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned count, unsigned short *events) {
    card_t *c = io->private_data;
    unsigned long long ticks;
    if (count && (fds[0].revents & POLLIN) && read(c->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return -errno;
    snd_pcm_sframes_t frames = told(c);
    *events = 0;
    if (frames == -ENODEV) *events = POLLERR | POLLOUT;
    else if (frames < 0) *events = POLLERR | POLLOUT;
    else if (io->buffer_size - (c->written - frames) >= io->period_size) *events = POLLOUT;
    return 0;
}

static int on_close(snd_pcm_ioplug_t *io) {
    card_t *c = io->private_data;
    end_run(c, "close");
    fclose(c->sound);
    fclose(c->story);
    close(c->timer);
    if (c->control) munmap((void *)c->control, 1);
    free(c);
    return 0;
}

static const snd_pcm_ioplug_callback_t CALLBACKS = {
    .start = on_start, .stop = on_stop, .prepare = on_prepare, .pointer = on_pointer, .delay = on_delay,
    .transfer = on_transfer, .hw_params = on_hw_params, .sw_params = on_sw_params, .poll_revents = on_poll,
    .close = on_close,
};

static int limit(snd_pcm_ioplug_t *io, long rate, long channels) {
    static const unsigned access[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED};
    static const unsigned format[] = {SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE};
    int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
    if (!error) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 2, format);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels ? channels : 1, channels ? channels : 2);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate ? rate : 8000, rate ? rate : 48000);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256, 1 << 20);
    return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(edgecard) {
    const char *sound = NULL, *story = NULL, *control = NULL;
    double ppm = 0;
    long step = 1, rate = 0, channels = 0;
    snd_config_iterator_t each, next;
    (void)root;
    snd_config_for_each(each, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(each);
        const char *id;
        if (snd_config_get_id(entry, &id) < 0) continue;
        if (!strcmp(id, "comment") || !strcmp(id, "type") || !strcmp(id, "hint")) continue;
        if (!strcmp(id, "sound")) snd_config_get_string(entry, &sound);
        else if (!strcmp(id, "story")) snd_config_get_string(entry, &story);
        else if (!strcmp(id, "control")) snd_config_get_string(entry, &control);
        else if (!strcmp(id, "ppm")) snd_config_get_ireal(entry, &ppm);
        else if (!strcmp(id, "step")) snd_config_get_integer(entry, &step);
        else if (!strcmp(id, "rate")) snd_config_get_integer(entry, &rate);
        else if (!strcmp(id, "channels")) snd_config_get_integer(entry, &channels);
        else return -EINVAL;
    }
    if (stream != SND_PCM_STREAM_PLAYBACK || !sound || !story || step < 1) return -EINVAL;
    card_t *c = calloc(1, sizeof *c);
    if (!c) return -ENOMEM;
    c->ppm = ppm;
    c->step = step;
    c->boundary = 1;
    if (control) {
        int fd = open(control, O_RDONLY | O_CLOEXEC);
        void *byte = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0) close(fd);
        if (byte == MAP_FAILED) { free(c); return -EINVAL; }
        c->control = byte;
    }
    if (c->control && *c->control == 'u') { free(c); return -ENODEV; }
    c->sound = fopen(sound, "abe");
    c->story = fopen(story, "ae");
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!c->sound || !c->story || c->timer < 0) return -errno;
    c->io.version = SND_PCM_IOPLUG_VERSION;
    c->io.name = "computed card";
    c->io.callback = &CALLBACKS;
    c->io.private_data = c;
    c->io.poll_fd = c->timer;
    c->io.poll_events = POLLIN;
    c->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
    c->io.mmap_rw = 0;
    int error = snd_pcm_ioplug_create(&c->io, name, stream, mode);
    if (error < 0) return error;
    error = limit(&c->io, rate, channels);
    if (error < 0) { snd_pcm_ioplug_delete(&c->io); return error; }
    *pcmp = c->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(edgecard);
