/* SPDX-License-Identifier: Apache-2.0 */
/* A blob is there when its writer was finished; of the other writes the answer says it. So the
 * slots that write are the wrapper's own, around those of store/wrapper.h. */
#include "sync/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/record.h"
#include "journal/runs.h"
#include "store/wrapper.h"

struct audit {
  struct sp_wrapper wrapper;       /* first */
  struct sp_store_ops ops;         /* the wrapper's, but for what writes */
  const struct sp_store_ops *base; /* the wrapper's */
  const struct sp_work *work;
  struct sp_journal *journal; /* work may be gone before the store */
  int64_t run_id;
  size_t backup;
};

/* What there is no memory for is missing from the audit. */
static void tell(const struct audit *audit, enum sp_write_kind kind, const struct sp_digest *digest,
                 uint64_t size_bytes)
{
  const struct sp_run_write write = {.kind = kind,
                                     .at_s = sp_clock_wall_s(),
                                     .place = audit->wrapper.store.name,
                                     .digest = *digest,
                                     .size_bytes = size_bytes};
  struct sp_err no_memory = SP_ERR_INIT;
  (void)!sp_runs_tell_write(audit->journal, audit->run_id, &write, &no_memory);
}

/* -- blobs */

struct audited_writer {
  struct sp_outer_writer outer; /* first */
  const struct audit *audit;
  struct sp_digest digest;
  uint64_t size_bytes;
};

static int writer_finish(struct sp_writer *writer, struct sp_err *err)
{
  struct audited_writer *audited = (struct audited_writer *)writer;
  struct sp_writer *inner = audited->outer.inner;
  if (inner->ops->finish(inner, err) < 0)
    return -1;
  tell(audited->audit, SP_WRITE_BLOB, &audited->digest, audited->size_bytes);
  return 0;
}

static int begin_write(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       struct sp_writer **out, struct sp_err *err)
{
  const struct audit *audit = (const struct audit *)store;
  SP_AUTO_FREE struct audited_writer *audited = calloc(1, sizeof *audited);
  struct sp_writer *inner = NULL;
  if (!audited)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (audit->base->begin_write(store, digest, size_bytes, &inner, err) < 0)
    return -1;
  sp_outer_writer_init(&audited->outer, inner, writer_finish);
  audited->audit = audit;
  audited->digest = *digest;
  audited->size_bytes = size_bytes;
  *out = &sp_steal(&audited)->outer.writer;
  return 0;
}

static int mount_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                      struct sp_store *from, bool *mounted, struct sp_err *err)
{
  const struct audit *audit = (const struct audit *)store;
  if (audit->base->mount_blob(store, digest, size_bytes, from, mounted, err) < 0)
    return -1;
  if (*mounted)
    tell(audit, SP_WRITE_MOUNT, digest, 0);
  return 0;
}

/* -- manifests and tags */

static int put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                        bool *subject_handled, struct sp_err *err)
{
  const struct audit *audit = (const struct audit *)store;
  if (audit->base->put_manifest(store, manifest, subject_handled, err) < 0)
    return -1;
  tell(audit, SP_WRITE_MANIFEST, &manifest->digest, manifest->bytes.len);
  return 0;
}

static struct sp_digest named_before(const struct audit *audit, const char *tag)
{
  const struct sp_tags *tags = &audit->work->tags;
  for (size_t i = 0; i < tags->count; i++) {
    if (strcmp(tags->items[i].name, tag) == 0)
      return tags->items[i].at[audit->backup].now;
  }
  return (struct sp_digest){0};
}

static int set_tags(struct sp_store *store, const char *const *tags, size_t n,
                    const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  const struct audit *audit = (const struct audit *)store;
  int failed = audit->base->set_tags(store, tags, n, manifest, done, err);
  for (size_t i = 0; i < *done; i++) {
    bool is_record = strcmp(tags[i], SP_RECORD_TAG) == 0;
    const struct sp_run_write write = {.kind = is_record ? SP_WRITE_RECORD : SP_WRITE_TAG,
                                       .at_s = sp_clock_wall_s(),
                                       .place = store->name,
                                       .tag = tags[i],
                                       .digest = manifest->digest,
                                       .before = named_before(audit, tags[i])};
    struct sp_err no_memory = SP_ERR_INIT;
    (void)!sp_runs_tell_write(audit->journal, audit->run_id, &write, &no_memory);
  }
  return failed;
}

/* -- the store */

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  (void)wrapper;
  return sp_call_run(call, err);
}

static void audit_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops audit_ops = {.around = around, .free = audit_free};

int sp_audit_wrap_take(struct sp_store *inner, const struct sp_work *work, size_t backup,
                       struct sp_store **out, struct sp_err *err)
{
  struct audit *audit = calloc(1, sizeof *audit);
  if (!audit) {
    sp_store_close(inner);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  audit->work = work;
  audit->journal = work->sync->journal;
  audit->run_id = work->sync->run_id;
  audit->backup = backup;
  sp_wrapper_init(&audit->wrapper, &audit_ops, inner);
  audit->base = audit->wrapper.store.ops;
  audit->ops = *audit->base;
  audit->ops.begin_write = begin_write;
  audit->ops.mount_blob = mount_blob;
  audit->ops.put_manifest = put_manifest;
  audit->ops.set_tags = set_tags;
  audit->wrapper.store.ops = &audit->ops;
  *out = &audit->wrapper.store;
  return 0;
}
