/* SPDX-License-Identifier: Apache-2.0 */
/* One text for one place, however it is spelled: two places are one exactly if their keys are
 * equal, as far as names can tell. That "localhost" is 127.0.0.1, that a host has a second name in
 * DNS, that a directory is mounted twice: names do not tell that.
 *
 * A registry: Docker Hub by its one name, default ports and spellings of an IPv6 address dropped;
 * pure. A layout: its directory absolute and without ".", ".." and doubled slashes, links of the
 * part that exists followed; the disk is asked for those, and nothing is opened. Anything else:
 * as oci/place.h names it. Tag and digest do not count.
 *
 * Threads: any. */
#ifndef SP_OCI_PLACE_KEY_H
#define SP_OCI_PLACE_KEY_H

#include "oci/place.h"

/* The key: "docker.io/library/app", "oci:/srv/x", "vault:app". `*out` is the caller's. A relative
 * directory is one of the current directory. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_place_key(const struct sp_place *place, char **out, struct sp_err *err);
/* Is the place of one key a directory in, or is it, the one of the other? Both of layouts. */
bool sp_place_key_is_inside(const char *key, const char *outer);

#endif
