/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file, all of it at once, each with its place:
 *
 *     safeport.yaml:4:5: unknown key 'primry': did you mean 'primary'?
 *        4 |     primry: ghcr.io/acme/app
 *          |     ^
 *
 * Lines of the file are shown without the values that may be secrets. Not an error of the usual
 * kind: that one says only how many there are.
 *
 * Life cycle: SP_COMPLAINTS_INIT, sp_complaints_clear. Threads: none of its own.
 */
#ifndef SP_CONFIG_COMPLAINT_H
#define SP_CONFIG_COMPLAINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/scope.h"

struct sp_complaint {
  unsigned line, column; /* from 1; the column counts characters; line 0: the file as a whole */
  char *text;            /* escaped, without secrets */
  char *excerpt;         /* two lines: that line of the file, and a caret; NULL if there is none */
};

struct sp_complaints {
  struct sp_complaint *items; /* in the order of the file */
  size_t count;
  bool has_more; /* SP_MAX_COMPLAINTS were passed */
};
#define SP_COMPLAINTS_INIT ((struct sp_complaints){0})
void sp_complaints_clear(struct sp_complaints *complaints);

/* Adds one; text is taken as it is. Out of memory, or beyond SP_MAX_COMPLAINTS, it sets has_more.
 */
void sp_complaints_add(struct sp_complaints *complaints, unsigned line, unsigned column,
                       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Puts them in the order of the file. */
void sp_complaints_sort(struct sp_complaints *complaints);
/* Appends one as people read it, with a newline at the end. Fails: SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_complaint_format(const struct sp_complaint *complaint, const char *path,
                                      struct sp_buf *out, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_complaints, sp_complaints_clear)

#endif
