/* SPDX-License-Identifier: Apache-2.0 */
/* An archive to be written is a layout in the spool, behind a wrapper: everything goes to the
 * layout, and setting tags writes the archive after it. Only then does a tag resolve: what is in
 * the spool alone is nowhere yet. */
#include <stdatomic.h>

#include "archive/archive.h"
#include "archive/export.h"
#include "archive/file_output.h"
#include "archive/spool.h"
#include "base/text.h"
#include "layout/layout.h"
#include "store/wrapper.h"

struct destination {
  struct sp_wrapper wrapper; /* first */
  struct sp_archive_settings settings;
  char *name;
  char *path; /* of sp_archive_create_file; NULL else */
  sp_archive_open_output *open_output;
  void *ctx;
  char *spool_path; /* the layout */
  int spool_fd;
  atomic_bool is_written;
};

static int write_archive(struct destination *d, struct sp_err *err)
{
  SP_CLEANUP(sp_output_close_auto_) struct sp_output *output = NULL;
  const struct sp_export job = {.layout = d->wrapper.store.inner,
                                .dir_fd = d->spool_fd,
                                .kind = d->settings.kind,
                                .ref = &d->settings.ref,
                                .cancel = d->settings.cancel};
  if (d->open_output(d->ctx, &output, err) < 0 || sp_export_write(&job, output, err) < 0)
    return -1;
  return output->ops->finish(output, err);
}

/* The tags of referrers go along with the next archive: they are set before the image's. */
static bool is_final(const struct sp_call *call)
{
  return strcmp(call->operation, "set_tags") == 0 &&
         !sp_ref_is_digest_tag(sp_span_str(call->subject));
}

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  struct destination *d = (struct destination *)wrapper;
  if (strcmp(call->operation, "resolve") == 0 && !atomic_load(&d->is_written))
    return sp_fail(err, SP_E_NOT_FOUND, "the archive is not written yet");
  if (sp_call_run(call, err) < 0)
    return -1;
  if (!is_final(call))
    return 0;
  if (write_archive(d, err) < 0) {
    sp_call_forget(call);
    return -1;
  }
  atomic_store(&d->is_written, true);
  return 0;
}

static void free_destination(struct sp_wrapper *wrapper)
{
  struct destination *d = (struct destination *)wrapper;
  if (d->spool_path)
    sp_spool_remove_dir(d->spool_path);
  sp_scope_close_(&d->spool_fd);
  free(d->spool_path);
  free(d->name);
  free(d->path);
  free(d);
}

static const struct sp_wrapper_ops wrapper_ops = {.around = around, .free = free_destination};

static int open_layout(struct destination *d, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_SPOOL struct sp_spool *spool = NULL;
  if (sp_spool_open(&spool, err) < 0 || sp_spool_dir(spool, &d->spool_path, &d->spool_fd, err) < 0)
    return -1;
  return sp_layout_open(d->spool_path, d->spool_path, SP_LAYOUT_WRITE, d->settings.cancel, out,
                        err);
}

static int make(const struct sp_archive_settings *settings, struct destination **out,
                struct sp_err *err)
{
  struct destination *d = calloc(1, sizeof *d);
  struct sp_store *layout;
  if (!d)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an archive");
  d->settings = *settings;
  d->spool_fd = -1;
  if (sp_text_dup(&d->name, settings->name, err) < 0 || open_layout(d, &layout, err) < 0) {
    free_destination(&d->wrapper);
    return -1;
  }
  sp_wrapper_init(&d->wrapper, &wrapper_ops, layout);
  d->wrapper.store.name = d->name;
  *out = d;
  return 0;
}

int sp_archive_create(const struct sp_archive_settings *settings,
                      sp_archive_open_output *open_output, void *ctx, struct sp_store **out,
                      struct sp_err *err)
{
  struct destination *d;
  if (make(settings, &d, err) < 0)
    return -1;
  d->open_output = open_output;
  d->ctx = ctx;
  *out = &d->wrapper.store;
  return 0;
}

static int open_file(void *ctx, struct sp_output **out, struct sp_err *err)
{
  return sp_file_output_open(((const struct destination *)ctx)->path, out, err);
}

int sp_archive_create_file(const char *path, const struct sp_archive_settings *settings,
                           struct sp_store **out, struct sp_err *err)
{
  struct destination *d;
  if (sp_file_output_check(path, err) < 0)
    return sp_err_context(err, "cannot write '%s'", settings->name);
  if (make(settings, &d, err) < 0)
    return -1;
  d->open_output = open_file;
  d->ctx = d;
  *out = &d->wrapper.store;
  if (sp_text_dup(&d->path, path, err) == 0)
    return 0;
  sp_store_close(*out);
  return -1;
}
