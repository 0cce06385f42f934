/* SPDX-License-Identifier: Apache-2.0 */
/* What the stream said when it failed is kept: libarchive would only pass on that it did. */
#include "archive/tar_output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/libarchive.h"
#include "base/i18n.h"
#include "base/limits.h"

#define COPY_BYTES (256u * SP_KIB)

struct sp_tar_output {
  struct archive *archive;
  struct archive_entry *entry;
  struct sp_output *output;
  const struct sp_cancel *cancel;
  struct sp_err failure; /* of the output; code SP_OK if none */
  char *buffer;
};

/* A failed stream takes everything and keeps nothing: an archive that libarchive gave up itself
 * would not give back what it holds (3.6). */
static la_ssize_t pass_on(struct archive *a, void *ctx, const void *bytes, size_t n)
{
  (void)a;
  struct sp_tar_output *tar = ctx;
  if (tar->failure.code == SP_OK)
    (void)!tar->output->ops->write(tar->output, bytes, n, &tar->failure);
  return (la_ssize_t)n;
}

/* What a call of libarchive came to, and the stream with it. */
static int check(const struct sp_tar_output *tar, bool went_well, struct sp_err *err)
{
  const char *said = sp_libarchive.archive_error_string(tar->archive);
  if (tar->failure.code != SP_OK) {
    sp_err_copy(err, &tar->failure);
    return -1;
  }
  if (went_well)
    return 0;
  return sp_fail(err, SP_E_INTERNAL, "cannot write an archive: %s", said ? said : _("no reason"));
}

static bool set_up(struct sp_tar_output *tar)
{
  tar->buffer = malloc(COPY_BYTES);
  tar->entry = sp_libarchive.archive_entry_new();
  tar->archive = sp_libarchive.archive_write_new();
  return tar->buffer && tar->entry && tar->archive &&
         sp_libarchive.archive_write_set_format_pax_restricted(tar->archive) == ARCHIVE_OK &&
         sp_libarchive.archive_write_set_bytes_per_block(tar->archive, COPY_BYTES) == ARCHIVE_OK &&
         sp_libarchive.archive_write_set_bytes_in_last_block(tar->archive, 1) == ARCHIVE_OK &&
         sp_libarchive.archive_write_open(tar->archive, tar, NULL, pass_on, NULL) == ARCHIVE_OK;
}

int sp_tar_output_new(struct sp_output *output, const struct sp_cancel *cancel,
                      struct sp_tar_output **out, struct sp_err *err)
{
  if (sp_libarchive_load(err) < 0)
    return -1;
  SP_AUTO_TAR_OUTPUT struct sp_tar_output *tar = calloc(1, sizeof *tar);
  if (tar)
    *tar = (struct sp_tar_output){.output = output, .cancel = cancel, .failure = SP_ERR_INIT};
  if (!tar || !set_up(tar))
    return sp_fail(err, SP_E_NOMEM, "out of memory to write an archive");
  *out = sp_steal(&tar);
  return 0;
}

/* An archive that was not ended is not to be ended by being freed: that goes nowhere. */
void sp_tar_output_free(struct sp_tar_output *tar)
{
  if (!tar)
    return;
  if (tar->failure.code == SP_OK)
    tar->failure.code = SP_E_INTERRUPTED;
  sp_libarchive.archive_write_free(tar->archive);
  sp_libarchive.archive_entry_free(tar->entry);
  free(tar->buffer);
  free(tar);
}

static int begin(struct sp_tar_output *tar, const char *name, uint64_t size_bytes,
                 struct sp_err *err)
{
  sp_libarchive.archive_entry_clear(tar->entry);
  sp_libarchive.archive_entry_set_pathname(tar->entry, name);
  sp_libarchive.archive_entry_set_filetype(tar->entry, AE_IFREG);
  sp_libarchive.archive_entry_set_perm(tar->entry, 0644);
  sp_libarchive.archive_entry_set_size(tar->entry, (la_int64_t)size_bytes);
  sp_libarchive.archive_entry_set_mtime(tar->entry, 0, 0);
  return check(tar, sp_libarchive.archive_write_header(tar->archive, tar->entry) == ARCHIVE_OK,
               err);
}

static int put(struct sp_tar_output *tar, const void *bytes, size_t n, struct sp_err *err)
{
  if (sp_cancel_check(tar->cancel, err) < 0)
    return -1;
  return check(tar, sp_libarchive.archive_write_data(tar->archive, bytes, n) == (la_ssize_t)n, err);
}

int sp_tar_output_add(struct sp_tar_output *tar, const char *name, struct sp_span bytes,
                      struct sp_err *err)
{
  if (begin(tar, name, bytes.len, err) < 0)
    return -1;
  return bytes.len > 0 ? put(tar, bytes.ptr, bytes.len, err) : 0;
}

int sp_tar_output_add_file(struct sp_tar_output *tar, const char *name, int fd, uint64_t size_bytes,
                           struct sp_err *err)
{
  if (begin(tar, name, size_bytes, err) < 0)
    return -1;
  for (uint64_t at = 0; at < size_bytes;) {
    uint64_t left = size_bytes - at;
    ssize_t n = pread(fd, tar->buffer, left < COPY_BYTES ? (size_t)left : COPY_BYTES, (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return sp_fail_sys(err, SP_E_IO, n < 0 ? errno : EIO, "cannot read '%s' from the spool",
                         name);
    if (put(tar, tar->buffer, (size_t)n, err) < 0)
      return -1;
    at += (uint64_t)n;
  }
  return 0;
}

int sp_tar_output_end(struct sp_tar_output *tar, struct sp_err *err)
{
  return check(tar, sp_libarchive.archive_write_close(tar->archive) == ARCHIVE_OK, err);
}
