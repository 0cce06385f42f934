# SPDX-License-Identifier: Apache-2.0
"""The --json document of safeport, read in one place, so that tests do not spell its keys."""


class Place:
    def __init__(self, document):
        self.document = document
        self.name, self.proof = document["name"], document["proof"]
        self.tags = {tag["name"]: tag["result"] for tag in document["tags"]}
        self.damage = document.get("damage") or []

    @property
    def error(self):
        """The code of the error ("auth", "server", ...), or None."""
        return (self.document.get("error") or {}).get("code")

    @property
    def message(self):
        return (self.document.get("error") or {}).get("message", "")

    def number(self, key):
        """A count: "bytes_sent", or "blobs_sent" for the member "sent" of "blobs"."""
        group, _, rest = key.partition("_")
        if group in ("blobs", "manifests"):
            return self.document[group][rest]
        return self.document[key]


class Report:
    def __init__(self, document):
        self.document = document
        self.places = [Place(place) for place in document["places"]]

    @property
    def digest(self):
        return self.document.get("digest")

    @property
    def error(self):
        return (self.document.get("error") or {}).get("code")

    @property
    def message(self):
        return (self.document.get("error") or {}).get("message", "")

    @property
    def exit_status(self):
        return self.document["exit_status"]

    def number(self, key):
        return self.document[key]

    def place(self, part):
        """The place whose name holds `part`."""
        found = [place for place in self.places if part in place.name]
        assert len(found) == 1, f"'{part}' is in {[place.name for place in self.places]}"
        return found[0]
