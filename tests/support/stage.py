# SPDX-License-Identifier: Apache-2.0
"""The stage on which the scenarios of support/scenarios are played: scripted registries, secrets, and the program."""

import json

from . import hostile, images, oracle, safeport, scenarios

SRC_SECRET, DST_SECRET = "canary-secret-of-the-source", "canary-secret-of-the-destination"


class Stage:
    """What a scenario is set up in: three servers and the program."""

    def __init__(self, folder, authority, pair, scenario):
        self.options, self.env = list(scenario.options), dict(scenario.env)
        self.src_secret, self.dst_secret = SRC_SECRET, DST_SECRET
        self.signature = "canary-presigned-signature-0123456789abcdef"
        self.far_is_trusted = False
        self.port = safeport.Safeport(folder / "home")
        self.port.options = ["--retry-for", "3"]
        self.src = hostile.Hostile(tls=pair if scenario.https_src else None,
                                   auth=(scenario.src_auth, "carol", SRC_SECRET))
        self.dst = hostile.Hostile(tls=pair if scenario.https_dst else None,
                                   auth=(scenario.dst_auth, "alice", DST_SECRET))
        self.ms2 = hostile.Hostile()
        self.far = hostile.Hostile(address="127.0.0.2")  # the canary under another host's name
        self.servers = (self.src, self.dst, self.ms2, self.far)
        self.port.login(self.src.host, "carol", SRC_SECRET)
        self.port.login(self.dst.host, "alice", DST_SECRET, how="config.json")
        for server, is_https in ((self.src, scenario.https_src), (self.dst, scenario.https_dst)):
            if is_https:
                self.port.options += ["--ca", f"{server.host}={authority.ca}"]
        self.content = None
        self.put_source(scenarios.ordinary())

    def put_source(self, content):
        """The source holds this image, and the canary has all of it under /cdn/."""
        self.content = content
        self.src.repositories.clear()
        self.src.fill(scenarios.SOURCE, content)
        for name in (scenarios.SOURCE, scenarios.TARGET):
            for digest, data in content.blobs.items():
                self.ms2.files[f"/cdn/v2/{name}/blobs/{digest}"] = (data, "application/octet-stream")
            named = {**{d: d for d in content.manifests}, **content.tags}
            for reference, digest in named.items():
                media_type, data = content.manifests[digest]
                self.ms2.files[f"/cdn/v2/{name}/manifests/{reference}"] = (data, media_type)

    def fill_destination(self, cut=False):
        """The destination has the image already; with every blob cut short, if asked for."""
        self.dst.fill(scenarios.TARGET, self.content)
        if cut:
            blobs = self.dst.repository(scenarios.TARGET).blobs
            for digest in blobs:
                blobs[digest] = blobs[digest][:-1]
            self.dst.repository(scenarios.TARGET).tags.clear()

    def foreign(self):
        """An image with a layer that says where else it can be had."""
        content = images.Content()
        base = content.add_blob(images.DOCKER_LAYER, images.random_bytes(9, 20_000))
        content.add_image([{**base, "urls": [f"{self.ms2.url}/foreign"]}], tag="latest")
        return content

    def other(self):
        """The digest of another image at the source."""
        another = images.small(99, tag="other")
        self.src.fill(scenarios.SOURCE, another)
        return another.tags["other"]

    def split_view(self):
        """`latest` is another image each time somebody asks."""
        digests = [self.content.tags["latest"], self.other()]
        count = iter(range(10_000))

        def act(exchange):
            self.src.repository(scenarios.SOURCE).tags["latest"] = digests[next(count) % 2]
            return exchange.default()
        self.src.on("*", scenarios.BY_TAG, act)

    def self_referrer(self):
        """The referrers API says that the image refers to itself."""
        self.src.referrers = True
        digest = self.content.tags["latest"]
        media_type, data = self.content.manifests[digest]
        entry = {"mediaType": media_type, "digest": digest, "size": len(data)}
        index = json.dumps({"schemaVersion": 2, "mediaType": images.INDEX, "manifests": [entry] * 3})
        self.src.on("GET", scenarios.REFERRERS, hostile.answer(200, index, [("Content-Type", images.INDEX)]))

    def story(self):
        """What was asked of whom, for the message of a failure."""
        named = zip(("src", "dst", "ms2", "far"), self.servers)
        lines = [f"{name}: {request}" for name, server in named for request in server.log]
        return "\n".join(lines[:80])

    def stop(self):
        for server in self.servers:
            server.stop()

    def missed(self):
        """Rules about which nothing was asked."""
        return [f"{rule.method} {rule.path.pattern}" for s in self.servers for rule in s.rules if not rule.fired]


class StoredPlace:
    """What a scripted registry holds in memory, for the oracle."""

    def __init__(self, server):
        self.repository = server.repository(scenarios.TARGET)

    def resolve(self, tag):
        return self.repository.tags.get(tag)

    def chunks(self, digest, is_manifest):
        kept = self.repository.manifests if is_manifest else self.repository.blobs
        if digest not in kept:
            raise oracle.Damage(f"{digest} is missing")
        return [kept[digest][1] if is_manifest else kept[digest]]


def check_secrets(c, result):
    tokens = [*c.src.tokens, *c.dst.tokens, c.signature]
    assert safeport.find_secret(result.text, tokens) is None, repr(result)
    if c.far_is_trusted:
        return
    forms = {form for secret in (SRC_SECRET, DST_SECRET, *c.src.tokens, *c.dst.tokens)
             for form in safeport.disguises(secret)}
    assert hostile.leaks(c.ms2, forms) + hostile.leaks(c.far, forms) == []
    for server, secret in ((c.src, DST_SECRET), (c.dst, SRC_SECRET)):
        sent = [r for r in server.log if safeport.find_secret(repr(r.headers), [secret])]
        assert sent == [], "the secret of one registry was sent to the other"
