"""Serves a video by RTSP on this machine, for every client from its start: VIDEO PORT.

It runs with the system's Python, which has GStreamer's bindings: Debian's `python3-gi`,
`gir1.2-gst-rtsp-server-1.0`, `gstreamer1.0-plugins-good` and `-bad`.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

video, port = sys.argv[1:]
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f'( filesrc location="{video}" ! qtdemux ! h264parse ! rtph264pay name=pay0 )')
server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
server.get_mount_points().add_factory("/call", factory)
server.attach(None)
sys.stdout.write("ready\n")
sys.stdout.flush()
GLib.MainLoop().run()
