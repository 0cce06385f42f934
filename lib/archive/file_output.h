/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written whole or not at all, as a stream (base/stream.h); or standard output.
 *
 * The file has a temporary name beside its own until finish: fsync, rename, fsync of the directory.
 * What was there before stays until then, and stays if anything fails; its mode is the new file's.
 * What a killed run left beside it is removed by the next one that writes there (layout/sweep.h).
 */
#ifndef SP_ARCHIVE_FILE_OUTPUT_H
#define SP_ARCHIVE_FILE_OUTPUT_H

#include "base/stream.h"

/* Could `path` be written ("-" is standard output)? Nothing is made.
 * Fails: SP_E_REFUSED (it is there and no regular file), SP_E_USAGE (standard output is a
 * terminal), SP_E_NOT_FOUND (no such directory), SP_E_IO. */
SP_MUST_CHECK int sp_file_output_check(const char *path, struct sp_err *err);
/* Begins. `*out` is the caller's. Fails: as above. Its write and finish: SP_E_IO; a full disk is
 * said to be one. */
SP_MUST_CHECK int sp_file_output_open(const char *path, struct sp_output **out, struct sp_err *err);

#endif
