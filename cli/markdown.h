/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside in Markdown: it stands in code spans, where Markdown knows no links, no markup
 * and no HTML. */
#ifndef CLI_MARKDOWN_H
#define CLI_MARKDOWN_H

#include "base/buf.h"

/* Appends a text as a code span; in_table: where "|" would end a cell. Fails: SP_E_LIMIT,
 * SP_E_NOMEM (half of it is there then). */
SP_MUST_CHECK int markdown_append_code(struct sp_buf *to, const char *text, bool in_table,
                                       struct sp_err *err);

#endif
