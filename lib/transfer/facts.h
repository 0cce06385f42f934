/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about each destination: which blobs and manifests it has, and what its tags name.
 *
 * survey.h fills it, plan.h reads it, move.h and publish.h keep it up to date, prove.h sums it up.
 * Numbers of blobs and manifests are those of the image.
 *
 * Life cycle: sp_facts_init, sp_facts_clear. Threads: each fact is written by one thread at a time
 * and read only after that work has ended.
 */
#ifndef SP_TRANSFER_FACTS_H
#define SP_TRANSFER_FACTS_H

#include "transfer/image.h"

enum sp_have {
  SP_HAVE_UNKNOWN, /* not asked yet */
  SP_HAVE_ABSENT,
  SP_HAVE_PRESENT,
  SP_HAVE_DAMAGED, /* there, but of another length, or it cannot be served */
};

/* What was known of a blob at a destination before the job began. */
enum sp_doubt {
  SP_DOUBT_NONE,
  SP_DOUBT_READ, /* it may have wrong bytes: it is read before a tag is set */
  SP_DOUBT_BAD,  /* it has: it is not used, unless this job brings it anew */
};

struct sp_blob_fact {
  enum sp_have have;
  enum sp_proof proof; /* PRESENT: how well that is known; what we sent ourselves is TOUCHED */
  bool is_at_hand;     /* ABSENT: the place can mount it from itself */
  enum sp_doubt doubt; /* it is not mounted; a new upload is read */
  bool was_damaged;    /* a new upload has to be looked at again */
  bool is_sent;        /* by this run */
  bool is_mounted;     /* by this run */
  int64_t seen_ms;     /* when it was last touched or sent (monotonic clock) */
};

struct sp_node_fact {
  enum sp_have have; /* a claim, until it is read back */
  bool is_put;       /* by this run */
  bool is_answered;  /* the put was answered, and: */
  bool is_handled;   /* the answer was "I keep the list of referrers" */
  bool is_read_back; /* got by digest and hashed, by this run */
};

struct sp_tag_fact {
  const char *name; /* borrowed */
  bool is_known;
  struct sp_digest now; /* alg NONE: it is not there */
};

struct sp_place_facts {
  struct sp_blob_fact *blobs;
  struct sp_node_fact *nodes;
  struct sp_tag_fact *tags; /* wanted ones, in the order they are set in */
  size_t tag_count;
  struct sp_tag_fact *side_tags; /* as many as the image has */
};

struct sp_facts {
  struct sp_place_facts *places;
  size_t place_count;
};

/* Makes room for what is to be known about place_count destinations. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_facts_init(struct sp_facts *facts, const struct sp_image *image,
                                size_t place_count, struct sp_err *err);
void sp_facts_clear(struct sp_facts *facts);
/* Notes the tags wanted at a place: sorted (fixed, moving, `latest`; by name within), each once.
 * The strings are borrowed.
 *   now   what each of them names there, as in struct sp_transfer_destination; NULL: not known
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_facts_set_tags(struct sp_place_facts *place, const char *const *tags,
                                    const struct sp_digest *now, size_t count, struct sp_err *err);
/* Forgets what a place seemed to have (a registry with a stale cache): everything is absent. */
void sp_facts_forget(struct sp_place_facts *place, const struct sp_image *image);

#endif
