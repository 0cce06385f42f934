/* SPDX-License-Identifier: Apache-2.0 */
/* One image to several stores: survey -> plan -> move -> publish -> prove. The only thing in this
 * layer that others call.
 *
 * It knows stores, not registries: what it is given is already open, wrapped (retry), and named.
 * What it finds goes into a report (safeport/report.h), step by step, so that an interrupted job
 * has one too.
 *
 * How the work is shared out: closure.h and referrers.h read an image (image.h) from the source;
 * survey.h asks what is where (facts.h); plan.h is a pure function; move.h, sending.h and crew.h
 * move blobs; holdings.h is what jobs that run side by side know together; publish.h and heal.h put
 * manifests and read them back; prove.h knows the levels of proof; tags.h and fallback.h set tags,
 * last of all; run.h holds what the steps share, report.h builds the report and its exit status.
 */
#ifndef SP_TRANSFER_JOB_H
#define SP_TRANSFER_JOB_H

#include "base/cancel.h"
#include "oci/platform.h"
#include "safeport/progress.h"
#include "safeport/report.h"
#include "store/pull_reserve.h"
#include "store/retry.h"
#include "store/store.h"
#include "transfer/closure.h"
#include "transfer/facts.h"
#include "transfer/holdings.h"
#include "transfer/image.h"

struct sp_transfer_destination {
  struct sp_store *store;  /* borrowed */
  const char *const *tags; /* to set there, any order; borrowed. At least one */
  size_t tag_count;
  const struct sp_digest *tags_now; /* what each of them names there now (alg NONE: it is not
                                       there), if the caller has looked; NULL: the job looks */
  bool is_empty;  /* the caller has seen that there is no tag at all: what is small is sent without
                     asking first (asking costs as much), what is large is asked for before it is */
  bool read_back; /* every blob is read there before a tag is set: level read */
  size_t place;   /* its number among transfer->holdings */
};

struct sp_transfer {
  struct sp_store *source;                  /* borrowed */
  const char *tag;                          /* or NULL if digest is set */
  struct sp_digest digest;                  /* alg NONE: tag decides */
  const struct sp_platform *platform;       /* NULL = whole */
  const struct sp_platform *index_platform; /* NULL; else of an index this one, as closure.h */
  struct sp_transfer_destination *destinations;
  size_t destination_count;
  bool with_referrers;
  bool atomic;
  bool needs_no_pulls; /* where pulls are held in reserve a HEAD is enough to read a manifest back:
                          a record, which whoever reads it hashes */
  bool keep_side_tags; /* a tag of the image's company (cosign's) that names something else at a
                          destination stays as it is, with a note */
  bool dry_run;
  /* Called when all of a destination is there and proven, right before the first of its tags is
   * written. Fails: that destination fails, and its tags stay as they are. May be NULL. Called from
   * several threads, once or twice for a destination. */
  int (*before_tags)(void *ctx, size_t destination, struct sp_err *err);
  /* Called right before a tag of the image's company that named something else at a destination is
   * set there to `next`. Fails: that destination fails, and the tag stays as it is. May be NULL.
   * Called from several threads. */
  int (*before_side_tag)(void *ctx, size_t destination, const char *tag,
                         const struct sp_digest *next, struct sp_err *err);
  /* What is known against a blob at a destination. May be NULL: nothing is. */
  enum sp_doubt (*doubt)(void *ctx, size_t destination, const struct sp_digest *blob);
  /* A blob was read to its end there, or a manifest was read back: it is good; or it is damaged for
   * good. May be NULL. Called from several threads. */
  void (*was_read)(void *ctx, size_t destination, const struct sp_digest *digest, bool is_good);
  /* Called last of all, with the image as far as it could be read from the source. May be NULL. */
  void (*ended)(void *ctx, const struct sp_image *image);
  void *ctx;                    /* of these five */
  struct sp_source_view *view;  /* may be NULL: nothing is known of the source yet */
  struct sp_holdings *holdings; /* may be NULL: no other job runs beside this one. With it, every
                                   destination has a place there */
  const struct sp_pull_reserve *reserve; /* may be NULL. The plan counts pulls of whoever counts
                                            them, as the reserve has heard by then */
  struct sp_retry_policy retry;   /* for re-reads and re-sends; its cancel is not looked at */
  const struct sp_cancel *cancel; /* may be NULL */
  sp_progress *progress;          /* may be NULL */
  void *progress_ctx;
};

/* Runs the job, filling report (places must be destination_count, named by the caller; the rest
 * zeroed). Failures of a destination go into its place; of the source or the whole job into
 * report->err. Sets everything in the report but source, kind, started, seconds and exit_status.
 * Cannot fail otherwise than through the report. */
void sp_transfer_run(const struct sp_transfer *transfer, struct sp_report *report);

struct sp_compare {
  struct sp_store *source, *destination;    /* borrowed */
  const char *source_tag, *destination_tag; /* NULL if the digest below is set */
  struct sp_digest source_digest, destination_digest;
  const struct sp_platform *platform;
  bool with_referrers;
  bool read; /* every byte hashed, on both sides */
  struct sp_retry_policy retry;
  const struct sp_cancel *cancel;
  sp_progress *progress;
  void *progress_ctx;
};

/* Proves both sides and compares them; report has two places (source, destination). Findings are
 * report damage. */
void sp_compare_run(const struct sp_compare *compare, struct sp_report *report);

#endif
