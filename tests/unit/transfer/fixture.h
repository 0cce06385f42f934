/* SPDX-License-Identifier: Apache-2.0 */
/* A little world for the tests of transfer: a source, a few destinations (memory stores), a spy
 * around each that logs every operation in one list and can make the nth fail, images to publish,
 * and an oracle that says what a tag is worth.
 *
 * Included by one test program each; what a program does not use is no fault.
 */
#ifndef SP_TEST_TRANSFER_FIXTURE_H
#define SP_TEST_TRANSFER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "safeport/report.h"
#include "store/memory.h"
#include "store/relay.h"
#include "store/store.h"
#include "transfer/job.h"
#include "transfer/report.h"

#define FX static __attribute__((unused))
#define FX_PLACES 4 /* [0] is the source */
#define FX_TEXT 4096

/* -- the log */

struct fx_event {
  int place;
  const char *op;
  char subject[SP_DIGEST_TEXT_MAX];
  enum sp_code code;
};

struct fx_log {
  struct fx_event *events;
  size_t count, cap;
  pthread_mutex_t lock;
};

FX void fx_log_add(struct fx_log *log, int place, const char *op, const char *subject,
                   enum sp_code code)
{
  pthread_mutex_lock(&log->lock);
  if (log->count == log->cap) {
    log->cap = log->cap ? log->cap * 2 : 256;
    log->events = reallocarray(log->events, log->cap, sizeof *log->events);
  }
  struct fx_event *event = &log->events[log->count++];
  *event = (struct fx_event){.place = place, .op = op, .code = code};
  snprintf(event->subject, sizeof event->subject, "%s", subject);
  pthread_mutex_unlock(&log->lock);
}

/* -- the spy */

struct fx;

struct fx_fault {
  const char *op; /* NULL: none */
  unsigned nth;   /* of the matching calls, 1-based */
  unsigned times; /* 0: all from then on */
  bool after;     /* done, but the answer is lost */
  enum sp_code code;
};

struct fx_spy {
  struct sp_store store; /* first */
  int place;
  struct fx_log *log;
  struct fx_fault fault;
  unsigned matched;
  bool ignores_range;                    /* blobs can only be claimed */
  bool hides_referrers;                  /* the list is always empty */
  char refused_blob[SP_DIGEST_TEXT_MAX]; /* may not be uploaded */
  pthread_mutex_t lock;
  /* Called after an operation, before its answer is passed on. */
  void (*after)(struct fx_spy *spy, const char *op, const char *subject);
  void *after_ctx;
};

struct fx_end {
  struct sp_writer writer;
  struct sp_writer *inner;
  struct fx_spy *spy;
  char subject[SP_DIGEST_TEXT_MAX];
};

FX bool fx_hits(struct fx_spy *spy, const char *op)
{
  if (!spy->fault.op || strcmp(spy->fault.op, op) != 0)
    return false;
  pthread_mutex_lock(&spy->lock);
  unsigned n = ++spy->matched;
  pthread_mutex_unlock(&spy->lock);
  const struct fx_fault *fault = &spy->fault;
  return n >= fault->nth && (fault->times == 0 || n < fault->nth + fault->times);
}

/* Wraps one call: fails before it, or does it (and may lose the answer). */
#define FX_AROUND(spy_, op_, subject_, call) \
  ({ \
    struct fx_spy *s_ = (struct fx_spy *)(spy_); \
    bool hit_ = fx_hits(s_, op_); \
    int rc_ = 0; \
    if (!hit_ || s_->fault.after) \
      rc_ = (call); \
    if (hit_) { \
      *err = SP_ERR_INIT; \
      rc_ = sp_fail(err, s_->fault.code, "a fault of the test"); \
    } \
    fx_log_add(s_->log, s_->place, op_, subject_, rc_ ? err->code : SP_OK); \
    if (s_->after) \
      s_->after(s_, op_, subject_); \
    rc_; \
  })

FX const char *fx_text(const struct sp_digest *digest, char out[SP_DIGEST_TEXT_MAX])
{
  sp_digest_format(digest, out);
  return out;
}

FX int fx_resolve(struct sp_store *s, const char *tag, struct sp_named *out, struct sp_err *err)
{
  return FX_AROUND(s, "resolve", tag, s->inner->ops->resolve(s->inner, tag, out, err));
}
FX int fx_stat(struct sp_store *s, const struct sp_digest *d, struct sp_named *out,
               struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  return FX_AROUND(s, "stat_manifest", fx_text(d, t),
                   s->inner->ops->stat_manifest(s->inner, d, out, err));
}
FX int fx_get(struct sp_store *s, const struct sp_digest *d, struct sp_manifest_bytes *out,
              struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  return FX_AROUND(s, "get_manifest", fx_text(d, t),
                   s->inner->ops->get_manifest(s->inner, d, out, err));
}
FX int fx_put(struct sp_store *s, const struct sp_manifest_bytes *m, bool *handled,
              struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  return FX_AROUND(s, "put_manifest", fx_text(&m->digest, t),
                   s->inner->ops->put_manifest(s->inner, m, handled, err));
}
/* One at a time, as a registry does: each is an operation of its own. */
FX int fx_set_tags(struct sp_store *s, const char *const *tags, size_t n,
                   const struct sp_manifest_bytes *m, size_t *done, struct sp_err *err)
{
  for (size_t i = 0; i < n; i++) {
    size_t one = 0;
    int rc = FX_AROUND(s, "set_tags", tags[i],
                       s->inner->ops->set_tags(s->inner, &tags[i], 1, m, &one, err));
    if (rc != 0)
      return rc;
    (*done)++;
  }
  return 0;
}
FX int fx_list_tags(struct sp_store *s, const char *cursor, struct sp_tag_page *out,
                    struct sp_err *err)
{
  return FX_AROUND(s, "list_tags", "", s->inner->ops->list_tags(s->inner, cursor, out, err));
}
FX int fx_list_referrers(struct sp_store *s, const struct sp_digest *d, struct sp_referrers *out,
                         struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  bool hides = ((struct fx_spy *)s)->hides_referrers;
  return FX_AROUND(s, "list_referrers", fx_text(d, t),
                   hides ? 0 : s->inner->ops->list_referrers(s->inner, d, out, err));
}
FX int fx_check(struct sp_store *s, const struct sp_digest *d, uint64_t size, enum sp_proof want,
                struct sp_blob_state *out, struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  if (((struct fx_spy *)s)->ignores_range)
    want = SP_PROOF_CLAIMED;
  return FX_AROUND(s, "check_blob", fx_text(d, t),
                   s->inner->ops->check_blob(s->inner, d, size, want, out, err));
}
FX int fx_mount(struct sp_store *s, const struct sp_digest *d, uint64_t size, struct sp_store *from,
                bool *mounted, struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  return FX_AROUND(s, "mount_blob", fx_text(d, t),
                   s->inner->ops->mount_blob(s->inner, d, size, from, mounted, err));
}
FX int fx_open_read(struct sp_store *s, const struct sp_digest *d, uint64_t size, uint64_t offset,
                    struct sp_reader **out, struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  *out = NULL;
  int rc = FX_AROUND(s, "open_read", fx_text(d, t),
                     s->inner->ops->open_read(s->inner, d, size, offset, out, err));
  if (rc != 0 && *out) {
    (*out)->ops->close(*out);
    *out = NULL;
  }
  return rc;
}

FX int fx_end_start(struct sp_writer *w, struct sp_ring *ring, size_t consumer, struct sp_err *err)
{
  struct fx_end *end = (struct fx_end *)w;
  return end->inner->ops->start(end->inner, ring, consumer, err);
}
FX int fx_end_pump(struct sp_writer *w, struct sp_err *err)
{
  struct fx_end *end = (struct fx_end *)w;
  return FX_AROUND(end->spy, "write", end->subject, end->inner->ops->pump(end->inner, err));
}
FX int fx_end_finish(struct sp_writer *w, struct sp_err *err)
{
  struct fx_end *end = (struct fx_end *)w;
  return FX_AROUND(end->spy, "finish", end->subject, end->inner->ops->finish(end->inner, err));
}
FX void fx_end_close(struct sp_writer *w)
{
  struct fx_end *end = (struct fx_end *)w;
  end->inner->ops->close(end->inner);
  free(end);
}
static const struct sp_writer_ops fx_end_ops __attribute__((unused)) = {
    .start = fx_end_start, .pump = fx_end_pump, .finish = fx_end_finish, .close = fx_end_close};

FX int fx_begin_write(struct sp_store *s, const struct sp_digest *d, uint64_t size,
                      struct sp_writer **out, struct sp_err *err)
{
  char t[SP_DIGEST_TEXT_MAX];
  struct sp_writer *inner = NULL;
  if (strcmp(((struct fx_spy *)s)->refused_blob, fx_text(d, t)) == 0)
    return sp_fail(err, SP_E_SERVER, "refused by the test");
  int rc = FX_AROUND(s, "begin_write", fx_text(d, t),
                     s->inner->ops->begin_write(s->inner, d, size, &inner, err));
  if (rc != 0) {
    if (inner)
      inner->ops->close(inner);
    return rc;
  }
  struct fx_end *end = calloc(1, sizeof *end);
  end->writer.ops = &fx_end_ops;
  end->inner = inner;
  end->spy = (struct fx_spy *)s;
  snprintf(end->subject, sizeof end->subject, "%s", t);
  *out = &end->writer;
  return 0;
}
/* Unwrapped by the door; never asked. */
FX bool fx_is_sibling(const struct sp_store *s, const struct sp_store *other)
{
  return s->inner->ops->is_sibling(s->inner, other->inner ? other->inner : other);
}
FX void fx_close(struct sp_store *s)
{
  struct fx_spy *spy = (struct fx_spy *)s;
  sp_store_close(s->inner);
  pthread_mutex_destroy(&spy->lock);
  free(spy);
}

static const struct sp_store_ops fx_spy_ops __attribute__((unused)) = {
    .resolve = fx_resolve,
    .stat_manifest = fx_stat,
    .get_manifest = fx_get,
    .put_manifest = fx_put,
    .set_tags = fx_set_tags,
    .list_tags = fx_list_tags,
    .list_referrers = fx_list_referrers,
    .check_blob = fx_check,
    .mount_blob = fx_mount,
    .open_read = fx_open_read,
    .begin_write = fx_begin_write,
    .is_sibling = fx_is_sibling,
    .close = fx_close,
};

/* -- the world */

struct fx {
  struct sp_store *memory[FX_PLACES]; /* [0] the source; borrowed from the spies */
  struct fx_spy *spy[FX_PLACES];
  size_t destinations;
  struct fx_log log;
};

FX void fx_init(struct fx *fx, size_t destinations)
{
  static const char *const names[FX_PLACES] = {"source", "one", "two", "three"};
  *fx = (struct fx){.destinations = destinations};
  pthread_mutex_init(&fx->log.lock, NULL);
  for (size_t i = 0; i <= destinations; i++) {
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_memory_new(names[i], &fx->memory[i], &err), 0);
    struct fx_spy *spy = calloc(1, sizeof *spy);
    spy->store = (struct sp_store){.ops = &fx_spy_ops, .inner = fx->memory[i], .name = names[i]};
    spy->place = (int)i;
    spy->log = &fx->log;
    pthread_mutex_init(&spy->lock, NULL);
    fx->spy[i] = spy;
  }
}

FX void fx_clear(struct fx *fx)
{
  for (size_t i = 0; i <= fx->destinations; i++)
    sp_store_close(&fx->spy[i]->store);
  free(fx->log.events);
  pthread_mutex_destroy(&fx->log.lock);
}

FX void fx_forget_log(struct fx *fx)
{
  fx->log.count = 0;
}

FX size_t fx_count(const struct fx *fx, int place, const char *op)
{
  size_t n = 0;
  for (size_t i = 0; i < fx->log.count; i++)
    n += fx->log.events[i].place == place && strcmp(fx->log.events[i].op, op) == 0;
  return n;
}

/* Operations that change a store. */
FX size_t fx_writes(const struct fx *fx, int place)
{
  return fx_count(fx, place, "put_manifest") + fx_count(fx, place, "set_tags") +
         fx_count(fx, place, "begin_write") + fx_count(fx, place, "mount_blob") +
         fx_count(fx, place, "finish");
}

/* -- images */

struct fx_ref {
  struct sp_digest digest;
  size_t size;
  const char *media_type;
  const char *platform; /* JSON of a platform, or NULL */
};

FX struct fx_ref fx_add_bytes(struct sp_store *memory, const char *bytes, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  struct fx_ref ref = {.size = size, .media_type = "application/vnd.oci.image.layer.v1.tar+gzip"};
  assert_int_equal(sp_memory_add_blob(memory, SP_SPAN(bytes, size), &ref.digest, &err), 0);
  return ref;
}

FX struct fx_ref fx_add_blob(struct sp_store *memory, unsigned seed, size_t size)
{
  char *bytes = malloc(size + 1);
  for (size_t i = 0; i < size; i++)
    bytes[i] = (char)((seed * 2654435761u + i * 40503u) >> 8);
  struct fx_ref ref = fx_add_bytes(memory, bytes, size);
  free(bytes);
  return ref;
}

FX struct fx_ref fx_add_json(struct sp_store *memory, const char *media_type, const char *text)
{
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  snprintf(bytes.media_type, sizeof bytes.media_type, "%s", media_type);
  assert_int_equal(sp_buf_append_str(&bytes.bytes, text, &err), 0);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &bytes.digest, &err), 0);
  if (sp_store_put_manifest(memory, &bytes, &handled, &err) != 0)
    fail_msg("%s", err.msg);
  struct fx_ref ref = {.digest = bytes.digest, .size = strlen(text), .media_type = media_type};
  sp_manifest_bytes_clear(&bytes);
  return ref;
}

FX void fx_describe(const struct fx_ref *ref, char *out, size_t size)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&ref->digest, digest);
  int n = snprintf(out, size, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu",
                   ref->media_type, digest, ref->size);
  snprintf(out + n, size - (size_t)n, ref->platform ? ",\"platform\":%s}" : "}%s",
           ref->platform ? ref->platform : "");
}

/* A manifest with a config and `layers` layers; layer 0 is the same for all seeds. subject may be
 * NULL. */
FX struct fx_ref fx_add_image(struct sp_store *memory, unsigned seed, size_t layers,
                              const struct fx_ref *subject)
{
  char text[FX_TEXT * 2];
  char desc[512];
  struct fx_ref config = fx_add_blob(memory, seed * 100 + 99, 200 + seed);
  config.media_type = "application/vnd.oci.image.config.v1+json";
  fx_describe(&config, desc, sizeof desc);
  int n = snprintf(text, sizeof text,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[",
                   SP_MEDIA_OCI_MANIFEST, desc);
  for (size_t i = 0; i < layers; i++) {
    struct fx_ref layer = i == 0 ? fx_add_blob(memory, 7, 5000)
                                 : fx_add_blob(memory, seed * 100 + (unsigned)i, 3000 * i + seed);
    fx_describe(&layer, desc, sizeof desc);
    n += snprintf(text + n, sizeof text - (size_t)n, "%s%s", i ? "," : "", desc);
  }
  n += snprintf(text + n, sizeof text - (size_t)n, "]");
  if (subject) {
    fx_describe(subject, desc, sizeof desc);
    n += snprintf(text + n, sizeof text - (size_t)n,
                  ",\"artifactType\":\"application/x-test\",\"subject\":%s,\"annotations\":{\"n\":"
                  "\"%u\"}",
                  desc, seed);
  }
  snprintf(text + n, sizeof text - (size_t)n, "}");
  return fx_add_json(memory, SP_MEDIA_OCI_MANIFEST, text);
}

FX struct fx_ref fx_add_index(struct sp_store *memory, const struct fx_ref *children, size_t count)
{
  char text[FX_TEXT];
  char desc[512];
  int n = snprintf(text, sizeof text, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[",
                   SP_MEDIA_OCI_INDEX);
  for (size_t i = 0; i < count; i++) {
    fx_describe(&children[i], desc, sizeof desc);
    n += snprintf(text + n, sizeof text - (size_t)n, "%s%s", i ? "," : "", desc);
  }
  snprintf(text + n, sizeof text - (size_t)n, "]}");
  return fx_add_json(memory, SP_MEDIA_OCI_INDEX, text);
}

FX void fx_tag(struct sp_store *memory, const char *tag, const struct fx_ref *ref)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  size_t done = 0;
  assert_int_equal(sp_store_get_manifest(memory, &ref->digest, &bytes, &err), 0);
  assert_int_equal(sp_store_set_tags(memory, &tag, 1, &bytes, &done, &err), 0);
  sp_manifest_bytes_clear(&bytes);
}

#define FX_AMD64 "{\"os\":\"linux\",\"architecture\":\"amd64\"}"
#define FX_ARM64 "{\"os\":\"linux\",\"architecture\":\"arm64\"}"

/* The image that most tests publish: an index of two platforms under `latest` of the source. */
FX struct fx_ref fx_add_usual(struct sp_store *memory)
{
  struct fx_ref children[2] = {fx_add_image(memory, 1, 3, NULL), fx_add_image(memory, 2, 4, NULL)};
  children[0].platform = FX_AMD64;
  children[1].platform = FX_ARM64;
  struct fx_ref index = fx_add_index(memory, children, 2);
  fx_tag(memory, "latest", &index);
  return index;
}

/* -- the oracle (I1): is all of it there, with the right bytes? Uses no code of transfer. */

FX bool fx_is_blob_whole(struct sp_store *memory, const struct sp_desc *desc)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_relay relay = {
      .source = memory, .digest = desc->digest, .size_bytes = desc->size_bytes};
  return sp_relay_run(&relay, &err) == 0;
}

FX bool fx_is_whole(struct sp_store *memory, const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_manifest manifest = {0};
  bool whole = sp_store_get_manifest(memory, digest, &bytes, &err) == 0 &&
               sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type),
                                 &manifest, &err) == 0;
  for (size_t i = 0; whole && i < manifest.child_count; i++)
    whole = fx_is_whole(memory, &manifest.children[i].digest);
  for (size_t i = 0; whole && i < manifest.blob_count; i++)
    whole = fx_is_blob_whole(memory, &manifest.blobs[i]);
  sp_manifest_clear(&manifest);
  sp_manifest_bytes_clear(&bytes);
  return whole;
}

/* What a tag names; alg NONE if it is not there. */
FX struct sp_digest fx_named(struct sp_store *memory, const char *tag)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named = {0};
  if (sp_store_resolve(memory, tag, &named, &err) != 0)
    return (struct sp_digest){0};
  return named.digest;
}

FX bool fx_has(struct sp_store *memory, const char *tag, const struct fx_ref *ref)
{
  struct sp_digest named = fx_named(memory, tag);
  return sp_digest_eq(&named, &ref->digest) && fx_is_whole(memory, &ref->digest);
}

/* Every tag of the store names something whole. */
FX void fx_assert_closed(struct sp_store *memory)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_tag_page page = {0};
  if (sp_store_list_tags(memory, NULL, &page, &err) != 0)
    return;
  for (size_t i = 0; i < page.count; i++) {
    struct sp_digest digest = fx_named(memory, page.tags[i]);
    if (!fx_is_whole(memory, &digest))
      fail_msg("tag '%s' of '%s' names something that is not whole", page.tags[i], memory->name);
  }
  sp_tag_page_clear(&page);
}

/* -- running */

static const char *const fx_tags[] __attribute__((unused)) = {"latest", "main", "v1.2.3"};
#define FX_TAG_COUNT 3

FX void fx_fill(struct fx *fx, struct sp_transfer *job, struct sp_transfer_destination *to)
{
  for (size_t i = 0; i < fx->destinations; i++)
    to[i] = (struct sp_transfer_destination){
        .store = &fx->spy[i + 1]->store, .tags = fx_tags, .tag_count = FX_TAG_COUNT};
  *job = (struct sp_transfer){.source = &fx->spy[0]->store,
                              .tag = "latest",
                              .destinations = to,
                              .destination_count = fx->destinations,
                              .with_referrers = true};
}

FX struct sp_report *fx_run_job(const struct sp_transfer *job)
{
  const char *names[FX_PLACES];
  for (size_t i = 0; i < job->destination_count; i++)
    names[i] = job->destinations[i].store->name;
  struct sp_report *report;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(
      sp_report_new(SP_REPORT_PUSH, "source", names, job->destination_count, &report, &err), 0);
  sp_transfer_run(job, report);
  report->exit_status = sp_report_exit_status(report);
  return report;
}

/* The usual job: `latest` of the source, three tags to every destination. */
FX struct sp_report *fx_run(struct fx *fx)
{
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(fx, &job, to);
  return fx_run_job(&job);
}

FX int fx_run_status(struct fx *fx)
{
  struct sp_report *report = fx_run(fx);
  int status = report->exit_status;
  sp_report_free(report);
  return status;
}

FX enum sp_tag_result fx_result(const struct sp_report *report, size_t place, const char *tag)
{
  for (size_t i = 0; i < report->places[place].tag_count; i++) {
    if (strcmp(report->places[place].tags[i].name, tag) == 0)
      return report->places[place].tags[i].result;
  }
  fail_msg("the report has no tag '%s'", tag);
  return SP_TAG_NOT_SET;
}

FX bool fx_has_note(const struct sp_report *report, const char *part)
{
  for (size_t i = 0; i < report->note_count; i++) {
    if (strstr(report->notes[i], part))
      return true;
  }
  return false;
}

#endif
