/* SPDX-License-Identifier: Apache-2.0 */
#include "config/complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sp_complaints_clear(struct sp_complaints *complaints)
{
  for (size_t i = 0; i < complaints->count; i++) {
    free(complaints->items[i].text);
    free(complaints->items[i].excerpt);
  }
  free(complaints->items);
  *complaints = SP_COMPLAINTS_INIT;
}

/* A place for one more, or NULL. All of it is taken at once: complaints are rare. */
static struct sp_complaint *new_item(struct sp_complaints *complaints)
{
  if (complaints->count == SP_MAX_COMPLAINTS)
    return NULL;
  if (!complaints->items)
    complaints->items = calloc(SP_MAX_COMPLAINTS, sizeof *complaints->items);
  return complaints->items ? &complaints->items[complaints->count] : NULL;
}

void sp_complaints_add(struct sp_complaints *complaints, unsigned line, unsigned column,
                       const char *fmt, ...)
{
  struct sp_complaint *item = new_item(complaints);
  char *text;
  va_list args;
  va_start(args, fmt);
  int n = item ? vasprintf(&text, fmt, args) : -1;
  va_end(args);
  if (n < 0) {
    complaints->has_more = true;
    return;
  }
  *item = (struct sp_complaint){.line = line, .column = column, .text = text};
  complaints->count++;
}

static int by_place(const void *a, const void *b)
{
  const struct sp_complaint *x = a, *y = b;
  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return (x->column > y->column) - (x->column < y->column);
}

void sp_complaints_sort(struct sp_complaints *complaints)
{
  if (complaints->count > 1)
    qsort(complaints->items, complaints->count, sizeof *complaints->items, by_place);
}

int sp_complaint_format(const struct sp_complaint *complaint, const char *path, struct sp_buf *out,
                        struct sp_err *err)
{
  if (complaint->line == 0)
    return sp_buf_appendf(out, err, "%s: %s\n", path, complaint->text);
  return sp_buf_appendf(out, err, "%s:%u:%u: %s\n%s", path, complaint->line, complaint->column,
                        complaint->text, complaint->excerpt ? complaint->excerpt : "");
}
