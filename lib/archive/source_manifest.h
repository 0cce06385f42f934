/* SPDX-License-Identifier: Apache-2.0 */
/* What choosing an image in an archive, and listing referrers, need to know of a manifest there.
 *
 * Only a manifest that the archive does not have is absent. One that is there and cannot be read
 * (other bytes than its digest says, a disk that fails, somebody who wants to stop) is a failure:
 * an answer of "not here" would make another image of the archive.
 *
 * What was learnt is remembered until the source forgets it, so that each manifest is read once
 * however often it is named (S21), and all of them together have a ceiling.
 *
 * All are called with the source's lock held.
 */
#ifndef SP_ARCHIVE_SOURCE_MANIFEST_H
#define SP_ARCHIVE_SOURCE_MANIFEST_H

#include "archive/source.h"

struct sp_source_manifest {
  bool is_here;
  /* What follows says something where is_here. */
  bool has_blobs;           /* and all blobs that it names, but for foreign layers */
  bool is_index;            /* has_blobs is true then; its children are others' matter */
  bool is_publishable;      /* no layer of it is an uncompressed tar */
  struct sp_digest config;  /* alg NONE: it has none */
  struct sp_digest subject; /* alg NONE: it refers to nothing */
  /* Marks of source_index.c. */
  bool is_ruled_out; /* it does not lead to the config that is looked for */
  bool is_referrer;  /* it is in the list of referrers */
};

/* Reads and parses a manifest. *found false: the archive does not have it.
 * Fails: SP_E_DIGEST, SP_E_INVALID, SP_E_UNSUPPORTED, SP_E_LIMIT, SP_E_IO, SP_E_INTERRUPTED; the
 * message names it. */
SP_MUST_CHECK int sp_source_manifest_read(struct sp_source *source, const struct sp_desc *desc,
                                          struct sp_manifest *out, bool *found, struct sp_err *err);
/* What is to be known of one; `*out` is borrowed until sp_source_manifest_forget. Fails: the same.
 */
SP_MUST_CHECK int sp_source_manifest_know(struct sp_source *source, const struct sp_desc *desc,
                                          struct sp_source_manifest **out, struct sp_err *err);
void sp_source_manifest_forget(struct sp_source *source);

#endif
