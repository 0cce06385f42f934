/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive that is written consists of: a layout in a directory, as a tar. For
 * `docker-archive:` with a manifest.json that names the same blobs, so that every engine can load
 * it: newer ones by the layout, older ones by manifest.json. Layers stay as they are, compressed.
 */
#ifndef SP_ARCHIVE_EXPORT_H
#define SP_ARCHIVE_EXPORT_H

#include "archive/archive.h"

struct sp_export {
  struct sp_store *layout; /* borrowed: the store of dir_fd */
  int dir_fd;              /* borrowed: the layout */
  enum sp_archive_kind kind;
  const struct sp_ref *ref; /* borrowed: whose tags they are */
  const struct sp_cancel *cancel;
};

/* Writes the archive to output (borrowed, not finished).
 * Fails: SP_E_UNSUPPORTED (docker: nothing that an engine could load), as the output, SP_E_IO. */
SP_MUST_CHECK int sp_export_write(const struct sp_export *job, struct sp_output *output,
                                  struct sp_err *err);

#endif
