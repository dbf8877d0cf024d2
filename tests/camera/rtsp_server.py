"""A loopback RTSP camera for tests: serves one H.264 MP4 on /gate for ever, paced like a live camera.

Run by the system's interpreter, which has the GStreamer bindings:
    /usr/bin/python3 rtsp_server.py CLIP.mp4 --fps 10 [--port N] [--user U --password P [--digest]]
Prints `ready PORT` when it listens. It ends when its standard input closes.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"


def access_units(path):
    """Return the pictures of the clip as H.264 access units."""
    pipeline = Gst.parse_launch(
        f'filesrc location="{path}" ! qtdemux ! h264parse config-interval=-1 ! {CAPS} ! appsink name=out sync=false'
    )
    sink = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    units = []
    while (sample := sink.emit("pull-sample")) is not None:
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return units


class Gate(GstRtspServer.RTSPMediaFactory):
    """One shared live stream that repeats the clip."""

    def __init__(self, units, fps):
        super().__init__()
        self.units, self.fps = units, fps
        self.set_shared(True)
        self.set_latency(0)

    def do_create_element(self, _url):
        return Gst.parse_launch(
            f"( appsrc name=src is-live=true format=time do-timestamp=true caps={CAPS},framerate={self.fps}/1"
            " ! h264parse ! rtph264pay name=pay0 pt=96 )"
        )

    def do_configure(self, media):
        source = media.get_element().get_by_name_recurse_up("src")
        state = {"next": 0}

        def push():
            data = self.units[state["next"] % len(self.units)]
            state["next"] += 1
            return source.emit("push-buffer", Gst.Buffer.new_wrapped(data)) == Gst.FlowReturn.OK

        timer = GLib.timeout_add(1000 // self.fps, push)
        media.connect("unprepared", lambda _media: GLib.source_remove(timer))


def guard(server, factory, user, password, digest):
    """Ask every client for the user name and password."""
    permissions = GstRtspServer.RTSPPermissions()
    for right in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", right, True)
    factory.set_permissions(permissions)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clip")
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--port", default="0")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--digest", action="store_true")
    args = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(args.port)
    factory = Gate(access_units(args.clip), args.fps)
    if args.user:
        guard(server, factory, args.user, args.password, args.digest)
    server.get_mount_points().add_factory("/gate", factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    sys.stdout.write(f"ready {server.get_bound_port()}\n")
    sys.stdout.flush()
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
    loop.run()


if __name__ == "__main__":
    main()
