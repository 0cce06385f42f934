/* SPDX-License-Identifier: Apache-2.0 */
/* Each slot packs its arguments into a struct on the stack and passes them with a function that
 * unpacks them again; that function may run more than once. */
#include "store/wrapper.h"

#include <stdlib.h>

static int around(struct sp_store *store, struct sp_call *call, struct sp_err *err)
{
  struct sp_wrapper *wrapper = (struct sp_wrapper *)store;
  call->inner_ = store->inner;
  return wrapper->ops->around(wrapper, call, err);
}

static void subject_digest(struct sp_call *call, const struct sp_digest *digest)
{
  sp_digest_format(digest, call->subject);
}

static void subject_tag(struct sp_call *call, const char *tag)
{
  snprintf(call->subject, sizeof call->subject, "%s", tag);
}

int sp_call_run(struct sp_call *call, struct sp_err *err)
{
  return call->run_(call, err);
}

void sp_call_forget(struct sp_call *call)
{
  if (call->done_)
    *call->done_ = 0;
}

/* -- resolve, stat_manifest, get_manifest */

struct named_args {
  const char *tag; /* or digest */
  const struct sp_digest *digest;
  struct sp_named *out;
};

static int run_resolve(struct sp_call *call, struct sp_err *err)
{
  const struct named_args *a = call->args_;
  return call->inner_->ops->resolve(call->inner_, a->tag, a->out, err);
}

static int wrap_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                        struct sp_err *err)
{
  struct named_args args = {.tag = tag, .out = out};
  struct sp_call call = {.operation = "resolve", .run_ = run_resolve, .args_ = &args};
  subject_tag(&call, tag);
  return around(store, &call, err);
}

static int run_stat_manifest(struct sp_call *call, struct sp_err *err)
{
  const struct named_args *a = call->args_;
  return call->inner_->ops->stat_manifest(call->inner_, a->digest, a->out, err);
}

static int wrap_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                              struct sp_named *out, struct sp_err *err)
{
  struct named_args args = {.digest = digest, .out = out};
  struct sp_call call = {.operation = "stat_manifest", .run_ = run_stat_manifest, .args_ = &args};
  subject_digest(&call, digest);
  return around(store, &call, err);
}

struct get_args {
  const struct sp_digest *digest;
  struct sp_manifest_bytes *out;
};

static int run_get_manifest(struct sp_call *call, struct sp_err *err)
{
  const struct get_args *a = call->args_;
  sp_manifest_bytes_clear(a->out);
  return call->inner_->ops->get_manifest(call->inner_, a->digest, a->out, err);
}

static int wrap_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                             struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct get_args args = {digest, out};
  struct sp_call call = {.operation = "get_manifest", .run_ = run_get_manifest, .args_ = &args};
  subject_digest(&call, digest);
  return around(store, &call, err);
}

/* -- put_manifest, set_tags */

struct put_args {
  const struct sp_manifest_bytes *manifest;
  bool *subject_handled;
};

static int run_put_manifest(struct sp_call *call, struct sp_err *err)
{
  const struct put_args *a = call->args_;
  return call->inner_->ops->put_manifest(call->inner_, a->manifest, a->subject_handled, err);
}

static int wrap_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                             bool *subject_handled, struct sp_err *err)
{
  struct put_args args = {manifest, subject_handled};
  struct sp_call call = {
      .operation = "put_manifest", .writes = true, .run_ = run_put_manifest, .args_ = &args};
  subject_digest(&call, &manifest->digest);
  return around(store, &call, err);
}

struct tags_args {
  const char *const *tags;
  size_t n;
  const struct sp_manifest_bytes *manifest;
  size_t *done;
};

/* Goes on where an earlier try stopped. */
static int run_set_tags(struct sp_call *call, struct sp_err *err)
{
  const struct tags_args *a = call->args_;
  size_t more = 0;
  if (*a->done == a->n)
    return 0;
  int rc = call->inner_->ops->set_tags(call->inner_, a->tags + *a->done, a->n - *a->done,
                                       a->manifest, &more, err);
  *a->done += more;
  return rc;
}

static int wrap_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                         const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  struct tags_args args = {tags, n, manifest, done};
  struct sp_call call = {
      .operation = "set_tags", .writes = true, .run_ = run_set_tags, .args_ = &args};
  call.done_ = done;
  subject_tag(&call, n > 0 ? tags[0] : "");
  return around(store, &call, err);
}

/* -- list_tags, list_referrers */

struct list_args {
  const char *cursor;
  const struct sp_digest *digest;
  struct sp_tag_page *page;
  struct sp_referrers *referrers;
};

static int run_list_tags(struct sp_call *call, struct sp_err *err)
{
  const struct list_args *a = call->args_;
  sp_tag_page_clear(a->page);
  return call->inner_->ops->list_tags(call->inner_, a->cursor, a->page, err);
}

static int wrap_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                          struct sp_err *err)
{
  struct list_args args = {.cursor = cursor, .page = out};
  struct sp_call call = {.operation = "list_tags", .run_ = run_list_tags, .args_ = &args};
  return around(store, &call, err);
}

static int run_list_referrers(struct sp_call *call, struct sp_err *err)
{
  const struct list_args *a = call->args_;
  sp_referrers_clear(a->referrers);
  return call->inner_->ops->list_referrers(call->inner_, a->digest, a->referrers, err);
}

static int wrap_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                               struct sp_referrers *out, struct sp_err *err)
{
  struct list_args args = {.digest = digest, .referrers = out};
  struct sp_call call = {.operation = "list_referrers", .run_ = run_list_referrers, .args_ = &args};
  subject_digest(&call, digest);
  return around(store, &call, err);
}

/* -- blobs */

struct blob_args {
  const struct sp_digest *digest;
  uint64_t size_bytes;
  enum sp_proof want;
  struct sp_blob_state *state;
  struct sp_store *from;
  bool *mounted;
  uint64_t offset;
  struct sp_reader **reader;
  struct sp_writer **writer;
};

static int run_check_blob(struct sp_call *call, struct sp_err *err)
{
  const struct blob_args *a = call->args_;
  return call->inner_->ops->check_blob(call->inner_, a->digest, a->size_bytes, a->want, a->state,
                                       err);
}

static int wrap_check_blob(struct sp_store *store, const struct sp_digest *digest,
                           uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                           struct sp_err *err)
{
  struct blob_args args = {.digest = digest, .size_bytes = size_bytes, .want = want, .state = out};
  struct sp_call call = {.operation = "check_blob", .run_ = run_check_blob, .args_ = &args};
  subject_digest(&call, digest);
  return around(store, &call, err);
}

static int run_mount_blob(struct sp_call *call, struct sp_err *err)
{
  const struct blob_args *a = call->args_;
  return call->inner_->ops->mount_blob(call->inner_, a->digest, a->size_bytes, a->from, a->mounted,
                                       err);
}

static int wrap_mount_blob(struct sp_store *store, const struct sp_digest *digest,
                           uint64_t size_bytes, struct sp_store *from, bool *mounted,
                           struct sp_err *err)
{
  if (!store->inner->ops->mount_blob)
    return 0;
  struct blob_args args = {
      .digest = digest, .size_bytes = size_bytes, .from = from, .mounted = mounted};
  struct sp_call call = {
      .operation = "mount_blob", .writes = true, .run_ = run_mount_blob, .args_ = &args};
  subject_digest(&call, digest);
  return around(store, &call, err);
}

static int run_open_read(struct sp_call *call, struct sp_err *err)
{
  const struct blob_args *a = call->args_;
  return call->inner_->ops->open_read(call->inner_, a->digest, a->size_bytes, a->offset, a->reader,
                                      err);
}

static int wrap_open_read(struct sp_store *store, const struct sp_digest *digest,
                          uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                          struct sp_err *err)
{
  const struct sp_wrapper *wrapper = (const struct sp_wrapper *)store;
  struct blob_args args = {
      .digest = digest, .size_bytes = size_bytes, .offset = offset, .reader = out};
  struct sp_call call = {.operation = "open_read", .run_ = run_open_read, .args_ = &args};
  subject_digest(&call, digest);
  bool open = around(store, &call, err) == 0;
  if (open && (!wrapper->ops->wrap_reader ||
               wrapper->ops->wrap_reader((struct sp_wrapper *)store, out, err) == 0))
    return 0;
  if (*out)
    (*out)->ops->close(*out); /* opened, but the answer was lost */
  *out = NULL;
  return -1;
}

static int run_begin_write(struct sp_call *call, struct sp_err *err)
{
  const struct blob_args *a = call->args_;
  return call->inner_->ops->begin_write(call->inner_, a->digest, a->size_bytes, a->writer, err);
}

static int wrap_begin_write(struct sp_store *store, const struct sp_digest *digest,
                            uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  const struct sp_wrapper *wrapper = (const struct sp_wrapper *)store;
  struct blob_args args = {.digest = digest, .size_bytes = size_bytes, .writer = out};
  struct sp_call call = {
      .operation = "begin_write", .writes = true, .run_ = run_begin_write, .args_ = &args};
  subject_digest(&call, digest);
  bool open = around(store, &call, err) == 0;
  if (open && (!wrapper->ops->wrap_writer ||
               wrapper->ops->wrap_writer((struct sp_wrapper *)store, digest, out, err) == 0))
    return 0;
  if (*out)
    (*out)->ops->close(*out);
  *out = NULL;
  return -1;
}

/* -- writers */

static int outer_start(struct sp_writer *writer, struct sp_ring *ring, size_t consumer,
                       struct sp_err *err)
{
  struct sp_writer *inner = ((struct sp_outer_writer *)writer)->inner;
  return inner->ops->start(inner, ring, consumer, err);
}

static int outer_pump(struct sp_writer *writer, struct sp_err *err)
{
  struct sp_writer *inner = ((struct sp_outer_writer *)writer)->inner;
  return inner->ops->pump(inner, err);
}

static void outer_close(struct sp_writer *writer)
{
  struct sp_outer_writer *outer = (struct sp_outer_writer *)writer;
  outer->inner->ops->close(outer->inner);
  free(outer);
}

void sp_outer_writer_init(struct sp_outer_writer *outer, struct sp_writer *inner,
                          int (*finish)(struct sp_writer *writer, struct sp_err *err))
{
  outer->ops = (struct sp_writer_ops){.start = outer_start,
                                      .pump = inner->ops->pump ? outer_pump : NULL,
                                      .finish = finish,
                                      .close = outer_close};
  outer->writer = (struct sp_writer){&outer->ops, inner->resumed_bytes};
  outer->inner = inner;
}

/* -- the store */

static bool wrap_is_sibling(const struct sp_store *store, const struct sp_store *other)
{
  const struct sp_store *inner = store->inner;
  return inner->ops->is_sibling && inner->ops->is_sibling(inner, other);
}

static void wrap_close(struct sp_store *store)
{
  struct sp_wrapper *wrapper = (struct sp_wrapper *)store;
  sp_store_close(store->inner);
  wrapper->ops->free(wrapper);
}

static const struct sp_store_ops store_ops = {
    .resolve = wrap_resolve,
    .stat_manifest = wrap_stat_manifest,
    .get_manifest = wrap_get_manifest,
    .put_manifest = wrap_put_manifest,
    .set_tags = wrap_set_tags,
    .list_tags = wrap_list_tags,
    .list_referrers = wrap_list_referrers,
    .check_blob = wrap_check_blob,
    .mount_blob = wrap_mount_blob,
    .open_read = wrap_open_read,
    .begin_write = wrap_begin_write,
    .is_sibling = wrap_is_sibling,
    .close = wrap_close,
};

void sp_wrapper_init(struct sp_wrapper *wrapper, const struct sp_wrapper_ops *ops,
                     struct sp_store *inner)
{
  wrapper->ops = ops;
  wrapper->store = (struct sp_store){.ops = &store_ops,
                                     .inner = inner,
                                     .name = inner->name,
                                     .is_metered = inner->is_metered,
                                     .is_local = inner->is_local,
                                     .takes = inner->takes};
}
