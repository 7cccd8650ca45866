"""Prints as JSON what TensorBoard shows of a run's folder: by reader, its scalars and images by tag.

The readers: `python` and `native` are the two that TensorBoard has behind its pages, `accumulator` is the class by which
scripts read event files.
"""

import base64
import json
import logging
import math
import struct
import sys

from tensorboard import context
from tensorboard.backend.event_processing import data_provider, event_accumulator, plugin_event_multiplexer
from tensorboard.data import provider, server_ingester
from tensorboard.util import grpc_util

EVERYTHING = {"scalars": 0, "images": 0, "tensors": 0}


def scalar(step, value):
    return [step, float(value) if math.isfinite(value) else None]


def image(step, width, height, png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (width, height)
    return {"step": step, "width": width, "height": height, "png": base64.b64encode(png).decode()}


def shown_by(source):
    filters = {"experiment_id": "", "run_tag_filter": provider.RunTagFilter()}
    ctx = context.RequestContext()
    scalars = source.read_scalars(ctx, plugin_name="scalars", downsample=1000, **filters).get(".", {})
    blobs = source.read_blob_sequences(ctx, plugin_name="images", downsample=1000, **filters).get(".", {})

    def picture(datum):
        # The plugin's form of a picture: width and height as text, then one file or more.
        width, height, png = (source.read_blob(ctx, blob_key=value.blob_key) for value in datum.values)
        return image(datum.step, int(width), int(height), png)

    return {
        "scalars": {tag: [scalar(datum.step, datum.value) for datum in data] for tag, data in scalars.items()},
        "images": {tag: [picture(datum) for datum in data] for tag, data in blobs.items()},
    }


def by_python(folder):
    multiplexer = plugin_event_multiplexer.EventMultiplexer(
        size_guidance={"tensors": 0}, tensor_size_guidance=EVERYTHING
    )
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    return shown_by(data_provider.MultiplexerDataProvider(multiplexer, folder))


def by_native(folder):
    server = server_ingester.SubprocessServerDataIngester(
        server_ingester.get_server_binary(), folder, reload_interval=0,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL, samples_per_plugin=EVERYTHING,
    )
    server.start()
    return shown_by(server.data_provider)


def by_accumulator(folder):
    events = event_accumulator.EventAccumulator(folder, size_guidance=EVERYTHING)
    events.Reload()
    tags = events.Tags()
    return {
        "scalars": {tag: [scalar(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": {
            tag: [image(e.step, e.width, e.height, e.encoded_image_string) for e in events.Images(tag)]
            for tag in tags["images"]
        },
    }


# It warns of what it purges, which is what is tested.
logging.getLogger("tensorboard").setLevel(logging.ERROR)
readers = {"accumulator": by_accumulator, "native": by_native, "python": by_python}
print(json.dumps({name: read(sys.argv[1]) for name, read in readers.items()}))
