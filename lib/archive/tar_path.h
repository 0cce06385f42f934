/* SPDX-License-Identifier: Apache-2.0 */
/* Names of members and of what links point to, made plain. They are only ever compared, never used
 * as paths of this host; what leads out of the archive is refused all the same (S14), so that
 * nobody passes it on. Threads: pure. */
#ifndef SP_ARCHIVE_TAR_PATH_H
#define SP_ARCHIVE_TAR_PATH_H

#include "base/span.h"
#include "safeport/err.h"

/* A member's name without "./" in front, "/" at the end and empty or "." components. `*out` is the
 * caller's; "" for the root itself.
 * Fails: SP_E_INVALID (absolute, "..", longer than SP_MAX_ARCHIVE_NAME), SP_E_NOMEM. */
SP_MUST_CHECK int sp_tar_path_name(struct sp_span name, char **out, struct sp_err *err);
/* What a symbolic link in `from` (a plain name) means: its target, relative to the directory of
 * `from`, with ".." resolved. Fails: SP_E_INVALID (absolute, leads out of the archive). */
SP_MUST_CHECK int sp_tar_path_link(const char *from, struct sp_span target, char **out,
                                   struct sp_err *err);

#endif
