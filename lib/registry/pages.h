/* SPDX-License-Identifier: Apache-2.0 */
/* Following the Link headers of a listing (tags, referrers, repositories) without being led away or
 * in circles (S03, S25).
 *
 * A cursor is a text that a caller passes on unseen: "<pages> <power> <seen> <target>". The target
 * is path and query on the registry's own origin; the numbers are Brent's way to find a cycle of
 * any length without remembering every page. */
#ifndef SP_REGISTRY_PAGES_H
#define SP_REGISTRY_PAGES_H

#include "http/client.h"

struct sp_page {
  uint64_t number; /* pages before this one */
  uint64_t power;
  uint64_t seen;      /* hash of an earlier target */
  const char *target; /* borrowed from the cursor */
};

/* The first page. */
void sp_page_begin(const char *target, struct sp_page *out);
/* Reads a cursor that sp_page_next made. Fails: SP_E_INTERNAL. */
SP_MUST_CHECK int sp_page_parse(const char *cursor, struct sp_page *out, struct sp_err *err);
/* The cursor of the page after `page`, of which `response` is the answer: NULL after the last.
 * `*cursor` is the caller's. Fails: SP_E_REFUSED (it leads to another origin), SP_E_PROTOCOL (it
 * leads back to a page that was seen, or nowhere), SP_E_LIMIT (SP_MAX_TAG_PAGES). */
SP_MUST_CHECK int sp_page_next(const struct sp_page *page, const struct sp_origin *origin,
                               const struct sp_http_response *response, char **cursor,
                               struct sp_err *err);

#endif
