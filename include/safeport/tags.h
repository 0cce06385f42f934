/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of a repository: listed whole, filtered, sorted. Nothing is written.
 *
 * A listing costs one request for each page and no pulls. Dates are not in it: the OCI API has
 * none. With `dates` each tag's image is asked for the time at which it says it was created, which
 * costs a HEAD, one or two manifest GETs (at Docker Hub: pulls) and a blob; tags of one digest are
 * asked for once.
 */
#ifndef SAFEPORT_TAGS_H
#define SAFEPORT_TAGS_H

#include "safeport/session.h"

enum sp_tag_sort {
  SP_TAGS_AS_LISTED, /* the store's own order: GHCR's is oldest first, most others' by name */
  SP_TAGS_BY_NAME,
  SP_TAGS_BY_VERSION, /* "1.9" before "1.10", "1.0-rc1" before "1.0"; words before numbers */
  SP_TAGS_BY_DATE,    /* needs `dates`; what has none comes first */
};

struct sp_tags_options {
  const char *repository;     /* a place; neither tag nor digest */
  const char *const *filters; /* patterns as in safeport.yaml (policy/pattern.h): "v1.0", "glob:v*",
                                 "semver:^1.2", "git-sha"; one of them must match */
  size_t filter_count;        /* 0: all tags */
  enum sp_tag_sort sort;
  bool reverse;
  size_t limit; /* after sorting; 0 = none. In the store's own order no more pages are asked for
                   than that needs (unless reversed) */
  bool dates;
  bool lower;
};

struct sp_tag_listing;
struct sp_tag_entry {
  const char *name;
  const char *digest;  /* "" without `dates`, or if the tag went away meanwhile */
  const char *created; /* as the image says; "" without `dates`, or if it does not say */
};

/* Lists. `*out` is the caller's. Fails: SP_E_USAGE; SP_E_NOT_FOUND (no such repository);
 * SP_E_PROTOCOL, SP_E_REFUSED and SP_E_LIMIT (a listing that cannot be followed to its end: there
 * is no half listing; SP_E_LIMIT also for dates of more than SP_MAX_DATED_TAGS tags); what the
 * store fails with. */
SP_MUST_CHECK int sp_tags(struct sp_session *session, const struct sp_tags_options *options,
                          struct sp_tag_listing **out, struct sp_err *err);
void sp_tag_listing_free(struct sp_tag_listing *listing);
/* The repository's name, as reports have it. */
const char *sp_tag_listing_name(const struct sp_tag_listing *listing);
size_t sp_tag_listing_count(const struct sp_tag_listing *listing);
/* Tag i (< count); what it points to lives as long as the listing. */
struct sp_tag_entry sp_tag_listing_get(const struct sp_tag_listing *listing, size_t i);

#endif
