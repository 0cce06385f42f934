# SPDX-License-Identifier: Apache-2.0
"""A primary with images, three backups of it (two registries, the vault), and the safeport.yaml that says so."""

import contextlib
import json
import re
import shutil

from . import clock, images, oracle, skopeo, wire


class BackedUp:
    """name: of an image; src/NAME at the primary, one/NAME and two/NAME at the backups, vault:NAME."""

    def __init__(self, port, start, folder):
        self.port, self.folder, self.file = port, folder, folder / "safeport.yaml"
        self.primary, self.one, self.two = start("primary"), start("one"), start("two")
        self.at_primary = wire.Wire.to(self.primary)
        self.images, self.settings = {}, {}

    def put(self, name, content):
        """Pushes to the primary. A tag that moves does so in another second than what was synced before."""
        tags = self.images[name].tags if name in self.images else {}
        if any(tags.get(tag, digest) != digest for tag, digest in content.tags.items()):
            clock.next_second()
        self.at_primary.put_image(f"src/{name}", content)
        self.images[name] = self.images.get(name, images.Content()).merge(content)

    def backups(self, name):
        return [f"{self.one.host}/one/{name}", f"{self.two.host}/two/{name}", f"vault:{name}"]

    def write(self, **settings):
        """image_*: of each image; the rest of the file."""
        self.settings.update(settings)
        of_image = {k[6:].replace("_", "-"): v for k, v in self.settings.items() if k.startswith("image_")}
        of_file = {k.replace("_", "-"): v for k, v in self.settings.items() if not k.startswith("image_")}
        self.file.write_text(json.dumps({"version": 1, **of_file, "images": {
            name: {"primary": f"{self.primary.host}/src/{name}", "backups": self.backups(name), **of_image}
            for name in self.images}}))  # JSON is YAML

    def run(self, command, *arguments, **settings):
        return self.port.run(command, "--config", self.file, *arguments, **settings)

    def json(self, command, *arguments, status=0, **settings):
        return json.loads(self.run(command, "--json", *arguments, status=status, **settings).stdout)

    def sync(self):
        return self.json("sync")

    def lose_primary(self):
        """Its storage is gone, and an empty one stands in its place."""
        self.primary.stop()
        self.primary.wipe()
        self.primary.start()

    def forget(self):
        """This host never ran safeport."""
        shutil.rmtree(self.port.home / "state")

    @contextlib.contextmanager
    def another_host(self):
        """What is done within, another host does, that knew what this one knows; or this one, and then its journal is
        set back."""
        state, kept = self.port.home / "state", self.folder / "state-of-this-host"
        shutil.copytree(state, kept)
        yield
        shutil.rmtree(state)
        kept.rename(state)

    @staticmethod
    def _check_fallback(registry, repository, content, tag):
        """The same set of referrers, each whole; their order in the index is whoever's who wrote it."""
        place = oracle.HttpPlace(wire.Wire.to(registry), repository)
        oracle.check_tag(place, tag)
        answer = wire.Wire.to(registry).manifest(repository, tag)
        listed = {entry["digest"] for entry in json.loads(answer.body)["manifests"]}
        assert listed == {entry["digest"] for entry in json.loads(content.manifests[content.tags[tag]][1])["manifests"]}

    def check(self, registry, repository, content, tags=None):
        """Every tag is there, whole, as skopeo reads it too."""
        place = oracle.HttpPlace(wire.Wire.to(registry), repository)
        for tag, digest in content.tags.items():
            if tags is not None and tag not in tags:
                continue
            if re.fullmatch("sha256-[0-9a-f]{64}", tag):
                self._check_fallback(registry, repository, content, tag)  # skopeo does not read such an index
            else:
                assert oracle.check_tag(place, tag, digest) == digest
                assert skopeo.pull_registry(registry, repository, tag, self.folder) == digest


def four_tags(port, start, folder):
    """Four tags of one image, "app", in step everywhere."""
    backed = BackedUp(port, start, folder)
    for number in range(4):
        backed.put("app", images.small(number, tag=f"build-{number}", layer_bytes=2000))
    backed.write()
    backed.sync()
    return backed


def give_up(backed, *tags):
    """These tags are deleted at the primary, as an operator does."""
    for tag in tags:
        shutil.rmtree(backed.primary.tag_link("src/app", tag).parents[1])
    backed.primary.restart()


def layer_of(backed, tag):
    content = backed.images["app"]
    return json.loads(content.manifests[content.tags[tag]][1])["layers"][0]["digest"]


def standings(document):
    return {tag["name"]: [at["standing"] for at in tag["at"]] for tag in document["images"][0]["tags"]}


def at_one(backed, tag):
    client = wire.Wire.to(backed.one)
    return client.tag_digest("one/app", tag) if tag in client.tags("one/app") else None
