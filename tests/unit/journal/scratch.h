/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this layer share: a state directory of their own, digests by number, and
 * journals that must open. */
#ifndef SP_TESTS_JOURNAL_SCRATCH_H
#define SP_TESTS_JOURNAL_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/journal.h"
#include "oci/digest.h"

#define must(call, err) \
  do { \
    if ((call) < 0) \
      fail_msg("%s: %s", #call, (err)->msg); \
  } while (0)

static char scratch[64];

static inline int scratch_remove_one(const char *path, const struct stat *st, int flag,
                                     struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static inline int scratch_make(void **state)
{
  (void)state;
  /* In memory where there is such a place: these tests write a thousand files. */
  snprintf(scratch, sizeof scratch, "%s/safeport-journal-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
  (void)state;
  return nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *scratch_path(const char *name)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", scratch, name);
  return path;
}

static inline bool scratch_has(const char *name)
{
  return access(scratch_path(name), F_OK) == 0;
}

/* Every eighth is a sha512. Kept, because checks ask for the same ones again and again. */
static inline struct sp_digest digest_of(unsigned n)
{
  static struct sp_digest made[4096];
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  if (n < 4096 && made[n].alg != SP_DIGEST_NONE)
    return made[n];
  must(sp_digest_of(n % 8 == 7 ? SP_DIGEST_SHA512 : SP_DIGEST_SHA256, &n, sizeof n, &digest, &err),
       &err);
  if (n < 4096)
    made[n] = digest;
  return digest;
}

static inline struct sp_journal *journal_open(enum sp_journal_mode mode)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal;
  must(sp_journal_open(scratch, mode, &journal, &err), &err);
  return journal;
}

/* Opens one that has no trouble. */
static inline struct sp_journal *journal_open_well(enum sp_journal_mode mode)
{
  struct sp_err trouble = SP_ERR_INIT;
  struct sp_journal *journal = journal_open(mode);
  if (sp_journal_trouble(journal, &trouble))
    fail_msg("trouble: %s", trouble.msg);
  return journal;
}

/* Flushes; there must be no trouble. */
static inline void journal_flush_well(struct sp_journal *journal)
{
  struct sp_err trouble = SP_ERR_INIT;
  sp_journal_flush(journal);
  if (sp_journal_trouble(journal, &trouble))
    fail_msg("trouble: %s", trouble.msg);
}

static inline enum sp_code journal_trouble(struct sp_journal *journal)
{
  struct sp_err trouble = SP_ERR_INIT;
  return sp_journal_trouble(journal, &trouble) ? trouble.code : SP_OK;
}

#endif
