/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/markdown.h"

#include "base/text.h"

#define CODE_MAX_BYTES 2048

/* A backtick would end the span and is shown as a quote. */
int markdown_append_code(struct sp_buf *to, const char *text, bool in_table, struct sp_err *err)
{
  char shown[CODE_MAX_BYTES];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  if (sp_buf_append_str(to, "`", err) < 0)
    return -1;
  for (const char *c = shown; *c; c++) {
    const char byte[] = {*c == '`' ? '\'' : *c, '\0'};
    if (sp_buf_append_str(to, *c == '|' && in_table ? "\\|" : byte, err) < 0)
      return -1;
  }
  return sp_buf_append_str(to, "`", err);
}
