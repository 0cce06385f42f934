/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON from outside, on jansson: duplicate members, depth over SP_MAX_JSON_DEPTH, bad UTF-8,
 * trailing bytes and numbers that do not fit are refused. Documents may hold credentials: what is
 * freed of a parsed one is wiped. The original bytes stay what is hashed
 * and sent; JSON is only read. */
#ifndef SP_BASE_JSON_H
#define SP_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

/* Parses one document. `*out` is the caller's (json_decref).
 * Fails: SP_E_INVALID with line and column, and nothing of the text: it may be a secret;
 *        SP_E_LIMIT (it would take more memory than any real document of its length);
 *        SP_E_NOMEM. */
SP_MUST_CHECK int sp_json_parse(struct sp_span text, json_t **out, struct sp_err *err);

/* Members of an object. A missing member (or JSON null) gives NULL / `fallback`; one of the wrong
 * type is SP_E_INVALID, naming the member. Strings are borrowed from obj and never contain a zero
 * byte. */
SP_MUST_CHECK int sp_json_get_string(const json_t *obj, const char *key, const char **out,
                                     struct sp_err *err);
SP_MUST_CHECK int sp_json_get_int(const json_t *obj, const char *key, int64_t fallback,
                                  int64_t *out, struct sp_err *err);
SP_MUST_CHECK int sp_json_get_object(const json_t *obj, const char *key, json_t **out,
                                     struct sp_err *err);
SP_MUST_CHECK int sp_json_get_array(const json_t *obj, const char *key, json_t **out,
                                    struct sp_err *err);

/* A text for a document of ours, which may be anybody's: where it is not UTF-8 its bad bytes are
 * written as \xHH. NULL gives null. Answers NULL only if there is no memory. */
json_t *sp_json_text(const char *s);

/* A number, at most INT64_MAX. */
json_t *sp_json_number(uint64_t n);
/* "2026-11-23T10:15:00Z"; null for 0 and before. */
json_t *sp_json_time(int64_t unix_s);
/* {"code", "message", "http_status": null | 100..599, "retry_after_ms": null | n}; null if it did
 * not happen. */
json_t *sp_json_error(const struct sp_err *err);

/* Building: the object with one more member, or the array with one more item. Both take what they
 * are given; where one of them is NULL, or there is no memory, NULL comes out, so that only the end
 * of a chain has to be looked at. */
json_t *sp_json_with(json_t *object, const char *key, json_t *value);
json_t *sp_json_with_item(json_t *array, json_t *item);

/* Appends the text of a document, or value, to `out`; flags: jansson's, JSON_ENCODE_ANY is set.
 * Whole or not at all, which jansson's own functions are not: they pass over a key for whose text
 * there was no memory. Fails: SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_json_write(const json_t *doc, size_t flags, struct sp_buf *out,
                                struct sp_err *err);
/* The same text by itself, the caller's (free). NULL if `doc` is NULL, or there is no memory. */
char *sp_json_print(const json_t *doc, size_t flags);

static inline void sp_json_auto_(json_t **p)
{
  if (*p)
    json_decref(*p);
}
#define SP_AUTO_JSON SP_CLEANUP(sp_json_auto_)

#endif
