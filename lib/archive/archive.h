/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that are archives: what `docker save`, `podman save`, skopeo and others write
 * (`docker-archive:`), and OCI image layouts in a tar (`oci-archive:`).
 *
 * To read: members are read in place, never unpacked (tar_file.h). Layers that lie there
 * uncompressed are compressed once, into the spool, when the image is resolved, and their diffIDs
 * are verified on the way; the manifest made for them is the same whoever makes it. An image that
 * has a manifest of its own inside and all that this names keeps it, byte for byte. Of an index of
 * which only some platforms are there (engines with containerd's store write such), the one image
 * of the archive is taken.
 *
 * To write: blobs and manifests are collected in the spool; when the tags are set, the archive is
 * written in one go: a layout in a tar, with manifest.json for `docker-archive:`.
 *
 * Not here: where streams come from and go to, but for files (engine/). Threads: as store/store.h.
 */
#ifndef SP_ARCHIVE_ARCHIVE_H
#define SP_ARCHIVE_ARCHIVE_H

#include "archive/compression.h"
#include "base/cancel.h"
#include "base/stream.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/store.h"

enum sp_archive_kind { SP_ARCHIVE_DOCKER, SP_ARCHIVE_OCI };

struct sp_archive_settings {
  const char *name; /* of the store, for messages; copied */
  enum sp_archive_kind kind;
  /* To read: which image, as it was written; all empty is "the only one". To write: the repository
   * that its tags are of (docker load names the image so); host and repository empty is "none". */
  struct sp_ref ref;
  bool has_number; /* to read: the image number `number` of manifest.json */
  uint32_t number;
  bool has_platform; /* to read: which one of an index that is there in part */
  struct sp_platform platform;
  struct sp_compression compression; /* to read: of layers that come uncompressed */
  unsigned threads;                  /* 0 = one for each core */
  const struct sp_cancel *cancel;    /* borrowed for the store's life; may be NULL */
};

/* Opens an archive for reading: `path`, or "-" for standard input. A pipe is read to its end here.
 * Fails: SP_E_NOT_FOUND (no such file), SP_E_INVALID (no archive, or one that is refused: archives
 * come from outside), SP_E_LIMIT, SP_E_IO (also: the disk of the spool is full), SP_E_INTERRUPTED.
 * Blocks: on the file. */
SP_MUST_CHECK int sp_archive_open(const char *path, const struct sp_archive_settings *settings,
                                  struct sp_store **out, struct sp_err *err);
/* The same of a stream, which is taken (also on failure). */
SP_MUST_CHECK int sp_archive_open_input_take(struct sp_input *input,
                                             const struct sp_archive_settings *settings,
                                             struct sp_store **out, struct sp_err *err);

/* Opens what an archive is written to. Called when all of it is ready to be written, at most once
 * for each time that tags are set. */
typedef int sp_archive_open_output(void *ctx, struct sp_output **out, struct sp_err *err);

/* An empty archive to be written. ctx must outlive the store. Setting tags (other than digest tags)
 * writes the archive and finishes the output; what fails then is the setting of the tags, and none
 * is set. Setting tags of a `docker-archive:` fails with SP_E_UNSUPPORTED for what an engine cannot
 * load: an artifact, or an index without this host's platform.
 * Fails: SP_E_IO and others, as the spool. */
SP_MUST_CHECK int sp_archive_create(const struct sp_archive_settings *settings,
                                    sp_archive_open_output *open_output, void *ctx,
                                    struct sp_store **out, struct sp_err *err);
/* The same, written to `path`: under a temporary name beside it, which it gets when all of it is on
 * the disk; "-" is standard output. Fails: SP_E_REFUSED (path is there and no regular file),
 * SP_E_USAGE (standard output is a terminal), SP_E_NOT_FOUND (no such directory). */
SP_MUST_CHECK int sp_archive_create_file(const char *path,
                                         const struct sp_archive_settings *settings,
                                         struct sp_store **out, struct sp_err *err);

#endif
