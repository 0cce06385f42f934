# SPDX-License-Identifier: Apache-2.0
"""The three destinations of the main job: a registry with htpasswd over TLS, one with token auth, and the vault."""

from . import oracle, skopeo, wire


class Trio:
    """name: the repository at both registries; in the vault it is `vault:app`."""

    def __init__(self, basic, token, port, name="team/app"):
        self.basic, self.token, self.port, self.name = basic, token, port, name
        port.use(basic, how="environment")
        port.use(token, how="config.json")

    @property
    def registries(self):
        return [self.basic, self.token]

    @property
    def repositories(self):
        return [f"{self.basic.host}/{self.name}", f"{self.token.host}/{self.name}", "vault:app"]

    @property
    def to(self):
        """--to for each."""
        return [part for repository in self.repositories for part in ("--to", repository)]

    @property
    def layout(self):
        return self.port.vault_layout("app")

    def places(self):
        """For the oracle: what is on the disks, and what the registries serve."""
        found = [oracle.StoragePlace(r.storage, self.name) for r in self.registries]
        found += [oracle.HttpPlace(wire.Wire.to(r), self.name) for r in self.registries]
        return [*found, oracle.LayoutPlace(self.layout)]

    def check(self, tag, digest, folder):
        """The tag is at all three, whole, and skopeo reads it from each."""
        for place in self.places():
            assert oracle.check_tag(place, tag, digest) == digest
        for registry in self.registries:
            assert skopeo.pull_registry(registry, self.name, tag, folder) == digest
        assert skopeo.pull_layout(self.layout, tag, folder) == digest

    def tags(self):
        """The tags at each of the three."""
        layout = oracle.LayoutPlace(self.layout).tags() if (self.layout / "index.json").exists() else {}
        return [set(wire.Wire.to(r).tags(self.name)) for r in self.registries] + [set(layout)]

    def check_order(self):
        """The order oracle over both request logs."""
        for registry in self.registries:
            oracle.check_order([(entry.method, entry.path, entry.status) for entry in registry.log()])
