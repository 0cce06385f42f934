/* SPDX-License-Identifier: Apache-2.0 */
/* One image at work: what its steps share.
 *
 * Life cycle: window.c makes one for each image in its turn, image.c steers it. Threads: the steps
 * run one after the other; within copies.h several threads read all of it, and write `told` under
 * the lock.
 */
#ifndef SP_SYNC_WORK_H
#define SP_SYNC_WORK_H

#include <pthread.h>
#include <stdatomic.h>

#include "sync/past.h"
#include "sync/side.h"
#include "sync/sync.h"
#include "sync/tags.h"
#include "transfer/closure.h"
#include "transfer/facts.h"
#include "transfer/holdings.h"

/* A fallback tag of the primary, as it was before its subject was copied or proven. */
struct sp_fallback {
  const char *name;        /* borrowed from the primary's side */
  struct sp_digest digest; /* alg NONE: it could not be read */
  size_t subject;          /* number of a selected tag */
};

/* A manifest within an index that a selected tag names, to which something at the primary refers.
 */
struct sp_child {
  struct sp_digest index, digest;
};

/* Has a backup the referrers API? */
enum sp_api {
  SP_API_UNKNOWN,
  SP_API_THERE,
  SP_API_LACKING,
};

struct sp_work {
  const struct sp_sync *sync; /* borrowed, as all that is shared by the images */
  struct sp_holdings *holdings;
  size_t number; /* of the image, as the run counts them */
  const char *name;
  int64_t now_s; /* the run's one idea of now (wall clock) */
  struct sp_sync_rules rules;
  struct sp_store *primary; /* owned */
  size_t backup_count;
  struct sp_store *backups[SP_MAX_DESTINATIONS]; /* of the holdings */
  size_t places[SP_MAX_DESTINATIONS];            /* their numbers there */
  atomic_bool is_out[SP_MAX_DESTINATIONS];       /* it failed as a whole */
  atomic_bool is_held[SP_MAX_DESTINATIONS]; /* its pulls are held in reserve, or it throttles */
  atomic_uint source_failures;              /* of the primary, one after the other */
  bool is_blank[SP_MAX_DESTINATIONS];       /* nothing is there: unlisted.h */
  uint32_t lacks_record;                    /* bit N: backup N has no record (ahead.h) */
  struct sp_side primary_side;
  struct sp_side sides[SP_MAX_DESTINATIONS];
  struct sp_source_view view; /* of the primary, for transfer/ */
  struct sp_past past;
  bool *is_wanted; /* owned; wanted.h */
  struct sp_tags tags;
  struct sp_fallback *fallbacks; /* owned */
  size_t fallback_count;
  struct sp_child *children; /* owned, by index; children.h */
  size_t child_count;
  enum sp_api apis[SP_MAX_DESTINATIONS]; /* as far as sp_followers_are_missing has asked */
  bool loses_slowly; /* the sum of what the primary lost in the last weeks is not to be borne */
  atomic_bool lacks_referrers;  /* the primary lists some that it does not have */
  atomic_bool has_tag_failures; /* a tag that is listed could not be read at the primary */
  atomic_uint_least64_t bytes_read;
  struct sp_err source_err;     /* the primary gives nothing any more; SP_OK: it does */
  pthread_mutex_t lock;         /* guards told, source_err */
  pthread_mutex_t history_lock; /* tags whose history tags could have one name: history.c */
  struct sp_sync_image *told;   /* owned by the window */
};

/* A failure at a backup, told; one that is about the place as a whole puts it out. */
void sp_work_fail_place(struct sp_work *work, size_t backup, const struct sp_err *err);
/* The primary did not give what a copy needs: that is about this copy, at the backups that wanted
 * it, and they stay open. It is about the primary when it happens again and again. */
void sp_work_fail_source(struct sp_work *work, const struct sp_err *err);
/* It gave something. */
void sp_work_note_source(struct sp_work *work);
/* Does the primary give nothing any more? `why` says what came last. */
bool sp_work_is_source_out(struct sp_work *work, struct sp_err *why);
/* Before an alarm: are there records on the backups that say more than this host knew (past.h)?
 * Then whoever asks decides again. No cost where there is no alarm. Fails: SP_E_NOMEM,
 * SP_E_INTERRUPTED.
 */
SP_MUST_CHECK int sp_work_ask_records(struct sp_work *work, bool *has_news, struct sp_err *err);
/* A copy of so many manifests stopped at the reserve of a backup: if no window has that many pulls,
 * it never comes to an end, and that is noted. */
void sp_work_note_window(struct sp_work *work, size_t backup, size_t manifests, const char *tag);
/* May anything more be done at this backup? Not if it is out or held, or after a wish to stop. */
bool sp_work_is_open(struct sp_work *work, size_t backup);
/* May its record be written? That takes no pull, if need be. */
bool sp_work_takes_record(struct sp_work *work, size_t backup);
/* What is known against a blob there (journal/rot.h). What is known to be bad at this place is not
 * read for each image that is in step with it: those are verify's to prove. Where a tag is about to
 * move (is_moving), no other may be there for verify to find it by. */
enum sp_doubt sp_work_doubt(const struct sp_work *work, size_t backup, const struct sp_digest *blob,
                            bool is_moving);
/* Notes what is known to be damaged at each backup where no tag of this image says so: it may be
 * that of a history tag, or of one that is not selected. */
void sp_work_note_rot(struct sp_work *work);
/* Notes each backup whose record, if it was read, is of another primary. */
void sp_work_note_owners(struct sp_work *work);
/* Says so of a tag (--accept). */
bool sp_work_is_accepted(const struct sp_work *work, const char *tag);

#endif
