/* SPDX-License-Identifier: Apache-2.0 */
/* References to images: `host/repository[:tag][@digest]` in docker's grammar (protocol:
 * distribution/reference), with its defaults (`alpine` is docker.io/library/alpine).
 *
 * Not here: transports (oci/place.h) and which URL a host has (registry/host.h).
 */
#ifndef SP_OCI_REFERENCE_H
#define SP_OCI_REFERENCE_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/span.h"
#include "oci/digest.h"
#include "safeport/err.h"

struct sp_ref {
  char host[SP_MAX_HOST + 1];             /* "docker.io", "ghcr.io", "127.0.0.1:5000"; lower case */
  char repository[SP_MAX_REPOSITORY + 1]; /* "library/alpine" */
  char tag[SP_MAX_TAG + 1];               /* "" if none was written; no default is filled in */
  struct sp_digest digest;                /* alg SP_DIGEST_NONE if none was written */
};

/* Parses. With `lower` an upper-case repository is lowered instead of refused.
 * Fails: SP_E_USAGE, saying what is wrong; for an upper-case repository with the lower-case name to
 * use. */
SP_MUST_CHECK int sp_ref_parse(struct sp_span text, bool lower, struct sp_ref *out,
                               struct sp_err *err);

/* "host/repository[:tag][@digest]" */
#define SP_REF_TEXT_MAX \
  (SP_MAX_HOST + 1 + SP_MAX_REPOSITORY + 1 + SP_MAX_TAG + 1 + SP_DIGEST_TEXT_MAX)
void sp_ref_format(const struct sp_ref *ref, char out[SP_REF_TEXT_MAX]);

/* A tag: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} (distribution-spec 1.1). */
bool sp_ref_is_tag(struct sp_span text);
/* A repository path of the distribution-spec, up to 255 bytes. */
bool sp_ref_is_repository(struct sp_span text);
/* host[:port]: a DNS name, IPv4 or [IPv6], port 1..65535. */
bool sp_ref_is_host(struct sp_span text);
/* A tag of another image's company: `<alg>-<hex>` (referrers fallback) with or without `.sig`,
 * `.att`, `.sbom`. */
bool sp_ref_is_digest_tag(struct sp_span tag);
/* The digest that a digest tag is about; *is_fallback: it is an index of referrers. Answers false
 * if it is no digest tag, or does not have the whole of a digest that we know. */
bool sp_ref_digest_tag_subject(struct sp_span tag, struct sp_digest *subject, bool *is_fallback);
/* A commit's id as a tag: 7 to 64 lower-case hexadecimal digits, with or without "sha-". */
bool sp_ref_is_git_sha(struct sp_span tag);
/* The fallback tag of the referrers of a digest ("sha256-<hex>", at most 32 + 1 + 64 characters).
 */
void sp_ref_referrers_tag(const struct sp_digest *digest, char out[SP_MAX_TAG + 1]);
/* The place of a tag in the order of publication: fixed tags, moving tags, `latest`.
 *
 *   0  fixed: a git sha (unless it has 40 or 64 digits, one of 0-9 at least, so that "defaced" is a
 *      word); a version with three numbers ("1.2.3", "v1.2.3", "2024.01.05-rc1"); a digest tag
 *   2  exactly `latest`
 *   1  everything else moves: "main", "v1", "1.2", "22.04", "stable", "1.x"
 */
int sp_ref_tag_rank(const char *tag);

#endif
