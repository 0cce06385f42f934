# SPDX-License-Identifier: Apache-2.0
"""What the tests of the real program stand on: registries, a hostile server, images, and an oracle.

Nothing here shares code with safeport. Only Python's standard library, python3-cryptography, and programs of
Debian (docker-registry, htpasswd, skopeo, umoci, mmdebstrap) are used. Everything listens on loopback, on a free
port, and is stopped by whoever started it.
"""
