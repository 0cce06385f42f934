/* SPDX-License-Identifier: Apache-2.0 */
/* Records for tests: of one primary, made tag by tag and compared as bytes. */
#ifndef SP_TESTS_JOURNAL_RECORDS_H
#define SP_TESTS_JOURNAL_RECORDS_H

#include "base/text.h"
#include "journal/record.h"
#include "scratch.h"

#define PRIMARY "ghcr.io/acme/app"
#define BACKUP "docker.io/u/app"
#define T 1700006400 /* 2023-11-15T00:00:00Z: a midnight */
#define NOW (T + 100 * SP_DAY_S)

static inline struct sp_record_tag make_tag(const char *name, unsigned n, int64_t since,
                                            int64_t first, int64_t touched, int64_t read)
{
  struct sp_record_tag tag = {.digest = digest_of(n),
                              .since_s = T + since,
                              .first_seen_s = first ? T + first : 0,
                              .touched_s = touched ? T + touched : 0,
                              .read_s = read ? T + read : 0};
  snprintf(tag.tag, sizeof tag.tag, "%s", name);
  return tag;
}

static inline void merge(struct sp_record *record, struct sp_record_tag tag)
{
  struct sp_err err = SP_ERR_INIT;
  must(sp_record_merge_tag(record, &tag, &err), &err);
}

static inline void start(struct sp_record *record)
{
  struct sp_err err = SP_ERR_INIT;
  sp_record_init(record);
  must(sp_record_set_primary(record, PRIMARY, &err), &err);
}

/* The body of a record, the caller's. */
static inline char *body_of(const struct sp_record *record)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  must(sp_record_encode(record, &artifact, &err), &err);
  size_t len;
  return sp_buf_take(&artifact.body, &len);
}

static inline void assert_same_record(const struct sp_record *a, const struct sp_record *b)
{
  SP_AUTO_FREE char *left = body_of(a);
  SP_AUTO_FREE char *right = body_of(b);
  assert_string_equal(left, right);
}

#define SHA "sha256:0000000000000000000000000000000000000000000000000000000000000001"
#define HEAD "{\"schema\":1,\"primary\":\"p\",\"tags\":["
#define SINCE "\"since\":\"2023-11-15T00:00:00Z\""

#endif
