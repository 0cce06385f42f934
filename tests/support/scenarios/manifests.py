# SPDX-License-Identifier: Apache-2.0
"""Manifests that confuse: types that disagree, JSON tricks, absurd sizes and graphs (S12, S16-S18, S20, S21)."""

import json

from .. import hostile, images
from . import BY_DIGEST, MANIFEST, Table, ordinary

TABLE = Table()


def tag_bytes(data, media_type=images.MANIFEST):
    """`latest` of the source is these bytes; what they name is there as far as it can be."""
    def setup(c):
        content = ordinary()
        raw = data(content) if callable(data) else data
        content.tags.clear()
        content.add_manifest(media_type, raw if isinstance(raw, bytes) else images.dump(raw), "latest")
        c.put_source(content)
    return setup


def image(content, **changes):
    """A good image manifest with some members changed (None: removed)."""
    digest = next(d for d, (t, _) in content.manifests.items() if t == images.MANIFEST)
    document = {**json.loads(content.manifests[digest][1]), **changes}
    return {k: v for k, v in document.items() if v is not None}


def index(content, **changes):
    digest = next(d for d, (t, _) in content.manifests.items() if t == images.INDEX)
    document = {**json.loads(content.manifests[digest][1]), **changes}
    return {k: v for k, v in document.items() if v is not None}


def layer(content, **changes):
    """An image whose first layer's descriptor is changed."""
    document = image(content)
    document["layers"][0] = {k: v for k, v in {**document["layers"][0], **changes}.items() if v is not None}
    return document


BAD = {
    "empty": b"", "not-json": b"hello", "bom": b"\xef\xbb\xbf{}", "an-array": b"[]", "a-number": b"7", "null": b"null",
    "an-empty-object": b"{}", "nul-byte": b'{"schemaVersion":2}\x00', "bad-utf8": b'{"schemaVersion":2,"a":"\xff"}',
    "trailing-text": lambda c: images.dump(image(c)) + b"{}", "deep": b"[" * 100_000, "deep-objects": b'{"a":' * 5_000,
    "nan": b'{"schemaVersion":NaN}',
    "schema-1": {"schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": [], "history": []},
    "duplicate-members": lambda c: images.dump(image(c)).replace(b'"layers"', b'"layers":[],"layers"', 1),
    "layers-and-manifests": lambda c: image(c, manifests=[]), "config-in-an-index": lambda c: index(c, layers=[]),
    "layers-not-a-list": lambda c: image(c, layers={"a": 1}), "config-missing": lambda c: image(c, config=None),
    "layer-without-digest": lambda c: layer(c, digest=None), "layer-without-size": lambda c: layer(c, size=None),
    "size-negative": lambda c: layer(c, size=-1), "size-text": lambda c: layer(c, size="12"),
    "size-fraction": lambda c: layer(c, size=1.5),
    "size-infinite": lambda c: images.dump(layer(c, size=77777)).replace(b"77777", b"1e999"),
    "size-beyond-64-bit": lambda c: images.dump(layer(c, size=77777)).replace(b"77777", b"9" * 30),
    "digest-a-path": lambda c: layer(c, digest="sha256:../../../../etc/passwd"),
    "digest-percent": lambda c: layer(c, digest="sha256:%2e%2e%2f" + "a" * 55),
    "digest-upper-case": lambda c: layer(c, digest=image(c)["layers"][0]["digest"].upper()),
    "digest-short": lambda c: layer(c, digest="sha256:abc"),
    "digest-long": lambda c: layer(c, digest="sha256:" + "a" * 65),
    "digest-unknown-algorithm": lambda c: layer(c, digest="md5:" + "a" * 32),
    "digest-empty": lambda c: layer(c, digest=""),
    "digest-number": lambda c: layer(c, digest=5), "children-not-objects": lambda c: index(c, manifests=[1, 2]),
    "of-5-mib": lambda c: image(c, annotations={"x": "y" * (5 << 20)}),
    "twenty-thousand-layers": lambda c: image(c, layers=image(c)["layers"] * 10_001),
}
OF_AN_INDEX = ("config-in-an-index", "children-not-objects")
for label, data in BAD.items():
    TABLE(f"manifest-{label}", 1, tag_bytes(data, images.INDEX if label in OF_AN_INDEX else images.MANIFEST))

TABLE("type-says-index-body-says-image", 1, tag_bytes(lambda c: image(c), images.INDEX))
TABLE("type-says-image-body-says-index", 1, tag_bytes(lambda c: index(c), images.MANIFEST))
TABLE("type-is-text", 0, tag_bytes(lambda c: image(c), "text/plain"))
TABLE("type-with-parameter", 0, lambda c: c.src.on("GET", MANIFEST, hostile.change(
    lambda r, _e: r.set("Content-Type", dict(r.headers).get("Content-Type", "x") + "; charset=utf-8"))))
TABLE("type-missing", 0, lambda c: c.src.on("GET", MANIFEST, hostile.with_headers(("Content-Type", None))))
TABLE("child-type-disagrees", 1, tag_bytes(
    lambda c: index(c, manifests=[{**index(c)["manifests"][0], "mediaType": images.INDEX}]), images.INDEX))
TABLE("child-size-disagrees", 1, tag_bytes(
    lambda c: index(c, manifests=[{**index(c)["manifests"][0], "size": 5}]), images.INDEX))
TABLE("child-is-missing", 1, tag_bytes(
    lambda c: index(c, manifests=[{**index(c)["manifests"][0], "digest": "sha256:" + "4" * 64}]), images.INDEX))
TABLE("layer-of-4-exbibytes", 5, tag_bytes(lambda c: layer(c, size=1 << 62)))
TABLE("layer-size-off-by-one", 5, tag_bytes(lambda c: layer(c, size=image(c)["layers"][0]["size"] + 1)))
TABLE("layer-named-twice-with-two-sizes", 1, tag_bytes(
    lambda c: image(c, layers=[*image(c)["layers"], {**image(c)["layers"][0], "size": 3}])))
TABLE("layer-named-many-times", 0, tag_bytes(lambda c: image(c, layers=image(c)["layers"] * 100)))
TABLE("members-unknown", 0, tag_bytes(lambda c: image(c, surprise={"a": [1, 2, 3]}, annotations={"x": "\u001b[2J"})))
TABLE("index-without-children", 0, tag_bytes(lambda c: index(c, manifests=[]), images.INDEX))
TABLE("image-without-layers", 0, tag_bytes(lambda c: image(c, layers=[])))
TABLE("urls-on-a-layer", 0, tag_bytes(lambda c: layer(c, urls=["http://169.254.169.254/"])))
TABLE("config-larger-than-the-ceiling", 0, lambda c: c.put_source(big_config()), max_s=20)


def big_config():
    content = images.Content()
    config = content.add_blob(images.CONFIG, b'{"os":"linux","architecture":"amd64","x":"' + b"y" * (6 << 20) + b'"}')
    base = content.add_blob(images.LAYER, images.random_bytes(3, 1000))
    content.add_manifest(images.MANIFEST, {"schemaVersion": 2, "mediaType": images.MANIFEST, "config": config,
                                           "layers": [base]}, "latest")
    return content


def nested(depth):
    """An index in an index in an index ..."""
    def setup(c):
        content = images.Content()
        inner = content.add_image([images.random_bytes(5, 1000)])
        for _ in range(depth):
            inner = content.add_index([inner])
        content.tags["latest"] = inner["digest"]
        c.put_source(content)
    return setup


TABLE("indexes-nested-three-deep", 0, nested(3))
TABLE("indexes-nested-twelve-deep", 1, nested(12))


def wide(levels, width):
    """Every index names the one below many times: a walk without memory takes width**levels steps."""
    def setup(c):
        content = images.Content()
        inner = content.add_image([images.random_bytes(6, 1000)])
        for _ in range(levels):
            inner = content.add_index([inner] * width)
        content.tags["latest"] = inner["digest"]
        c.put_source(content)
    return setup


TABLE("indexes-that-repeat-themselves", 0, wide(6, 50), lambda c, _r: len(c.src.log) < 500)


def flood(c):
    """12 000 small children."""
    content = images.Content()
    config = content.add_blob(images.CONFIG, b"{}")
    children = [content.add_manifest(images.MANIFEST, {
        "schemaVersion": 2, "mediaType": images.MANIFEST, "config": config, "layers": [], "annotations": {"n": str(n)}})
        for n in range(12_000)]
    content.add_index(children, tag="latest")
    c.put_source(content)


TABLE("twelve-thousand-children", 1, flood, max_s=30)
TABLE("tag-changes-with-every-request", 0, lambda c: c.split_view())
def another_image(c):
    other = c.other()

    def act(exchange):
        exchange.request.path = f"/v2/a/b/manifests/{other}"
        return exchange.default()
    c.src.on("GET", BY_DIGEST, act)


TABLE("manifest-of-another-image", 5, another_image)
TABLE("referrer-that-names-itself", 0, lambda c: c.self_referrer())
