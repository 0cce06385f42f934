/* SPDX-License-Identifier: Apache-2.0 */
/* When the images of tags were created, as they say themselves: the annotation
 * org.opencontainers.image.created, else the config's `created`; of an index, of its first
 * platform. */
#ifndef SP_API_TAG_DATES_H
#define SP_API_TAG_DATES_H

#include "base/clock.h"
#include "oci/digest.h"
#include "store/retry.h"

struct sp_tag_date {
  const char *tag;                      /* in: borrowed */
  struct sp_digest digest;              /* out: alg NONE if the tag is gone */
  char digest_text[SP_DIGEST_TEXT_MAX]; /* out: of digest; "" if the tag is gone */
  char created[SP_RFC3339_MAX + 8];     /* out: as the image writes it; "" if it does not say */
  int64_t created_s;                    /* out: INT64_MIN if not known */
};

/* Fills in `count` dates, several at once. An image that does not say, or that cannot be read, has
 * no date. Fails: what the store fails with in other ways (credentials, network). */
SP_MUST_CHECK int sp_tag_dates_read(struct sp_store *store, const struct sp_retry_policy *policy,
                                    struct sp_tag_date *dates, size_t count, struct sp_err *err);

#endif
