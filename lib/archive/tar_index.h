/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a tar that lies in a regular file: names, and where their bytes are. Made by one
 * pass over the headers (libarchive, tar formats only); nothing is ever extracted.
 *
 * Archives come from outside (S13-S16, S29). Refused, each with its reason: a name that is absolute
 * or has "..", two members of one name, a device, FIFO or socket, a sparse file, a size that is
 * negative or leads beyond the end, a member that takes other room than its size says, too many
 * members. Links are kept as what they are: names. They are followed inside the archive only, by
 * sp_tar_index_find, to a regular member.
 *
 * Life cycle: sp_tar_index_read, finds, sp_tar_index_clear. Threads: immutable once read.
 */
#ifndef SP_ARCHIVE_TAR_INDEX_H
#define SP_ARCHIVE_TAR_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

struct sp_tar_member {
  char *name; /* without "./" in front */
  char *link; /* of a link: the target's full name in the archive; else NULL */
  uint64_t begin;
  uint64_t size_bytes;
};

struct sp_tar_index {
  struct sp_tar_member *members; /* by name; directories are left out */
  size_t count, cap;
};

/* Reads the headers of the file's tar. `index` is to be cleared in any case.
 * Fails: SP_E_INVALID (no tar, or one that is refused), SP_E_LIMIT, SP_E_IO, SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_tar_index_read(struct sp_tar_index *index, int fd,
                                    const struct sp_cancel *cancel, struct sp_err *err);
void sp_tar_index_clear(struct sp_tar_index *index);

/* The regular member of this name, links followed. Fails: SP_E_NOT_FOUND (no such member);
 * SP_E_INVALID (a link that leads nowhere, out of the archive, or in a circle). */
SP_MUST_CHECK int sp_tar_index_find(const struct sp_tar_index *index, struct sp_span name,
                                    const struct sp_tar_member **out, struct sp_err *err);
/* The same where a missing member is an answer: NULL. */
const struct sp_tar_member *sp_tar_index_lookup(const struct sp_tar_index *index, const char *name);

SP_DEFINE_AUTO_CLEAR(struct sp_tar_index, sp_tar_index_clear)
#define SP_AUTO_TAR_INDEX SP_CLEANUP(sp_tar_index_clear_auto_)

#endif
