/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an image whole from a store: pins the tag to its digest once, then fetches the closure,
 * manifests by digest only, every one hashed and parsed. Blobs are not read.
 *
 * Referrers and cosign tags are looked up by referrers.h.
 */
#ifndef SP_TRANSFER_CLOSURE_H
#define SP_TRANSFER_CLOSURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/cancel.h"
#include "safeport/report.h"
#include "transfer/image.h"

/* What a caller of many jobs knows of the source's repository already, shared by all of them. */
struct sp_source_view {
  const char *const *tags;    /* all that are there, sorted by strcmp; borrowed */
  size_t tag_count;           /* a tag that is not among them is not asked for */
  atomic_bool is_without_api; /* the source was asked and has no referrers API */
};

/* A manifest that cannot be had: `digest` and `what` name it, err says why. Answers true to go on
 * without it, false to fail with err. Called on the thread of sp_closure_read. */
typedef bool sp_closure_bad(void *ctx, const struct sp_digest *digest, const char *what,
                            const struct sp_err *err);

struct sp_closure_request {
  struct sp_store *store;             /* borrowed */
  const char *tag;                    /* or NULL: */
  struct sp_digest digest;            /* used if alg is not NONE; then the tag is not looked at */
  const struct sp_platform *platform; /* NULL = whole. Else the one child of an index that serves it
                                         becomes the image; what is no index must be of it */
  const struct sp_platform *index_platform; /* the same, where `platform` is NULL: nobody asked, but
                                               who gets it takes no index. May be NULL */
  int64_t retry_for_ms;                     /* of a config that is read for its platform */
  bool with_referrers;
  struct sp_source_view *view;    /* may be NULL */
  const struct sp_cancel *cancel; /* may be NULL */
  struct sp_report *report;       /* where notes go; borrowed */
  pthread_mutex_t *report_lock;   /* held for that; may be NULL */
  sp_closure_bad *bad;            /* NULL: nothing may be missing, but what is only listed as a
                                     referrer: that is noted */
  void *bad_ctx;
  bool *has_no_list; /* out: true if it failed because the place answered a question for a list of
                        referrers with an error, which says nothing of the image. NULL: not wanted
                        (else false before) */
};

/* Reads it. `image` (initialised) is sealed on success and must be cleared in any case.
 *   root   out   what the tag (or the platform's entry) named; set as soon as it is known, alg NONE
 *                before
 * Fails: SP_E_NOT_FOUND (no such tag; no such platform, naming what there is; something that a
 *        manifest names), SP_E_DIGEST, SP_E_INVALID, SP_E_LIMIT, SP_E_INTERRUPTED, the store's. */
SP_MUST_CHECK int sp_closure_read(const struct sp_closure_request *request, struct sp_image *image,
                                  struct sp_digest *root, struct sp_err *err);

/* -- for referrers.h */

/* A manifest that is to be fetched. */
struct sp_wanted {
  struct sp_digest digest;
  char media_type[SP_MAX_MEDIA_TYPE + 1]; /* "" if nobody said */
  uint64_t size_bytes;                    /* SP_SIZE_UNKNOWN if nobody said */
  bool is_referrer;
  size_t found_for; /* as in struct sp_node */
  unsigned depth;   /* of children within their tree */
};

/* A growing list of those. */
struct sp_wanted_list {
  struct sp_wanted *items;
  size_t count, cap;
};
SP_MUST_CHECK int sp_wanted_add(struct sp_wanted_list *list, const struct sp_wanted *wanted,
                                struct sp_err *err);
void sp_wanted_clear(struct sp_wanted_list *list);
SP_DEFINE_AUTO_CLEAR(struct sp_wanted_list, sp_wanted_clear)
#define SP_AUTO_WANTED SP_CLEANUP(sp_wanted_clear_auto_)

/* Fetches the trees below `wanted` (emptied) into image; what image has already is skipped. */
SP_MUST_CHECK int sp_closure_fetch(const struct sp_closure_request *request,
                                   struct sp_wanted_list *wanted, struct sp_image *image,
                                   struct sp_err *err);

#endif
