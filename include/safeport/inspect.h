/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at one image without moving it, and at the tags of a repository. Nothing is written.
 *
 * What it costs at a registry where manifest GETs are pulls (Docker Hub): one for the reference
 * itself, one more for each platform of an index that is looked into. Tags, digests, referrers
 * lists, cosign's tags and configs are asked for with requests that are no pulls; only a referrers
 * list that is kept under a fallback tag is one.
 */
#ifndef SAFEPORT_INSPECT_H
#define SAFEPORT_INSPECT_H

#include "safeport/session.h"

enum sp_inspect_want {
  SP_INSPECT_FACTS,  /* the JSON document below */
  SP_INSPECT_RAW,    /* the exact bytes of the manifest, or of the platform's */
  SP_INSPECT_CONFIG, /* the exact bytes of the config */
};

struct sp_inspect_options {
  const char *place;
  const char *platform; /* look into this platform of an index; NULL = an index that has only one
                           is looked into, others are not */
  bool all;             /* look into every platform */
  bool lower;
  bool no_referrers;
  enum sp_inspect_want want;
};

/* The document of SP_INSPECT_FACTS. Keys are stable: they may be added to, never renamed or
 * removed.
 *
 *   {"schema": 1, "kind": "inspect", "name", "digest", "media_type", "size_bytes" (of the
 * manifest), "annotations": {name: text}, "image": IMAGE or null (an index), "platforms":
 * [{"platform", "digest", "media_type", "size_bytes" (of the manifest), "attestation_for": digest
 * or null, "image": IMAGE or null (not looked into)}], "referrers": [{"subject", "digest",
 * "media_type", "artifact_type": null or text, "size_bytes"}], "cosign": [{"subject", "tag",
 * "digest"}], "pulls_left": null or n, "problems": [{"code", "message"}], "exit_status"}
 *
 *   IMAGE: {"digest", "media_type", "artifact_type": null or text, "total_bytes" (with config and
 *           manifest), "layers": [{"digest", "media_type", "size_bytes"}],
 *           "config": {"digest", "media_type", "size_bytes",
 *                      "content": null (not an image's config, or a problem) or what
 *                                 oci/image_config.h says}}
 *
 * A part that cannot be had (a platform's manifest, a config, referrers) is a problem, and the rest
 * is told.
 */

/* Looks. `*out` is the caller's (malloc'ed, a zero byte behind its *out_len bytes).
 * Fails: SP_E_USAGE; SP_E_NOT_FOUND (no such image, or no such platform, naming those there are);
 *        SP_E_INVALID (a manifest that cannot be read; not for SP_INSPECT_RAW without a platform);
 *        what the store fails with. */
SP_MUST_CHECK int sp_inspect(struct sp_session *session, const struct sp_inspect_options *options,
                             char **out, size_t *out_len, struct sp_err *err);

#endif
