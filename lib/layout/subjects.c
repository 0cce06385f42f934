/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/subjects.h"

#include <pthread.h>
#include <stdlib.h>

/* Out of memory, a fact is not kept: that costs time, nothing else. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(fact) ((fact)->is_lost = true)
#include <uthash.h>

#include "base/scope.h"

#define FACTS_MAX 50000 /* about 15 MiB */

struct fact {
  struct sp_digest manifest; /* the key; zero beyond its length, so it may be hashed whole */
  struct sp_digest subject;  /* alg NONE: refers to nothing */
  bool is_unusable;          /* nobody could read what it refers to */
  bool is_lost;
  UT_hash_handle hh;
};

struct sp_subjects {
  pthread_mutex_t lock;
  struct fact *facts;
};

int sp_subjects_new(struct sp_subjects **out, struct sp_err *err)
{
  struct sp_subjects *subjects = calloc(1, sizeof *subjects);
  if (!subjects)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a layout");
  pthread_mutex_init(&subjects->lock, NULL);
  *out = subjects;
  return 0;
}

void sp_subjects_free(struct sp_subjects *subjects)
{
  if (!subjects)
    return;
  struct fact *fact;
  struct fact *next;
  HASH_ITER(hh, subjects->facts, fact, next)
  {
    HASH_DEL(subjects->facts, fact);
    free(fact);
  }
  pthread_mutex_destroy(&subjects->lock);
  free(subjects);
}

static struct fact *find(const struct sp_subjects *subjects, const struct sp_digest *manifest)
{
  struct fact *fact;
  HASH_FIND(hh, subjects->facts, manifest, sizeof *manifest, fact);
  return fact;
}

bool sp_subjects_get(struct sp_subjects *subjects, const struct sp_digest *manifest,
                     struct sp_digest *subject)
{
  SP_LOCK_SCOPE(&subjects->lock);
  const struct fact *fact = find(subjects, manifest);
  if (!fact || fact->is_unusable)
    return false;
  *subject = fact->subject;
  return true;
}

/* A new one; NULL if it cannot be kept. */
static struct fact *add(struct sp_subjects *subjects, const struct sp_digest *manifest)
{
  struct fact *fact = HASH_COUNT(subjects->facts) < FACTS_MAX ? calloc(1, sizeof *fact) : NULL;
  if (!fact)
    return NULL;
  fact->manifest = *manifest;
  HASH_ADD(hh, subjects->facts, manifest, sizeof fact->manifest, fact);
  if (!fact->is_lost)
    return fact;
  free(fact);
  return NULL;
}

void sp_subjects_note(struct sp_subjects *subjects, const struct sp_digest *manifest,
                      const struct sp_digest *subject)
{
  SP_LOCK_SCOPE(&subjects->lock);
  struct fact *fact = find(subjects, manifest);
  if (fact && !fact->is_unusable)
    return;
  fact = fact ? fact : add(subjects, manifest);
  if (!fact)
    return;
  fact->is_unusable = false;
  if (subject)
    fact->subject = *subject;
}

bool sp_subjects_note_unusable(struct sp_subjects *subjects, const struct sp_digest *manifest)
{
  SP_LOCK_SCOPE(&subjects->lock);
  struct fact *fact = find(subjects, manifest);
  if (fact && fact->is_unusable)
    return false;
  fact = fact ? fact : add(subjects, manifest);
  if (fact)
    fact->is_unusable = true;
  return true;
}
