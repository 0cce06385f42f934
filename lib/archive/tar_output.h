/* SPDX-License-Identifier: Apache-2.0 */
/* A tar on its way into a stream (base/stream.h), member by member (libarchive). The same members
 * give the same bytes: no times, no owners.
 *
 * Life cycle: sp_tar_output_new, _add..., _end, sp_tar_output_free. Threads: one at a time.
 */
#ifndef SP_ARCHIVE_TAR_OUTPUT_H
#define SP_ARCHIVE_TAR_OUTPUT_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/span.h"
#include "base/stream.h"

struct sp_tar_output;

/* `output` is borrowed, and not finished here. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_tar_output_new(struct sp_output *output, const struct sp_cancel *cancel,
                                    struct sp_tar_output **out, struct sp_err *err);
void sp_tar_output_free(struct sp_tar_output *tar);
/* Adds a regular member from memory. Fails: as the output's write. */
SP_MUST_CHECK int sp_tar_output_add(struct sp_tar_output *tar, const char *name,
                                    struct sp_span bytes, struct sp_err *err);
/* The same with size_bytes of a file, from its beginning (pread). Fails too with SP_E_IO,
 * SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_tar_output_add_file(struct sp_tar_output *tar, const char *name, int fd,
                                         uint64_t size_bytes, struct sp_err *err);
/* Writes what ends a tar. */
SP_MUST_CHECK int sp_tar_output_end(struct sp_tar_output *tar, struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_tar_output, sp_tar_output_free)
#define SP_AUTO_TAR_OUTPUT SP_CLEANUP(sp_tar_output_free_auto_)

#endif
