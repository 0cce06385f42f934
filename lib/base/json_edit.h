/* SPDX-License-Identifier: Apache-2.0 */
/* Changing one member of a JSON document that belongs to somebody else: every byte that the change
 * does not need stays as it was, order, blanks and numbers too, and a new member is written in the
 * document's own indentation.
 *
 * The member is one of `section`, an object that is itself a member of the document's object.
 * Not for making documents (jansson does), nor for arrays. The document must have passed
 * sp_json_parse: it is strict JSON, without duplicates. Threads: any.
 */
#ifndef SP_BASE_JSON_EDIT_H
#define SP_BASE_JSON_EDIT_H

#include "base/buf.h"

/* Appends to `out` the document with section.key = value (JSON text). Section and key are made
 * where they are missing; a section that is null becomes an object. A document of blanks only is an
 * empty object. Fails: SP_E_INVALID (the document, or section, is not an object); SP_E_LIMIT;
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_json_edit_set(struct sp_buf *out, struct sp_span doc, const char *section,
                                   const char *key, struct sp_span value, struct sp_err *err);
/* The same without section.key; the same bytes if it is not there. */
SP_MUST_CHECK int sp_json_edit_remove(struct sp_buf *out, struct sp_span doc, const char *section,
                                      const char *key, struct sp_err *err);

#endif
