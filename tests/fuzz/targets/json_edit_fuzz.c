/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a member of any sound document: afterwards it is sound, has that member (or has it no
 * more), and everything else is what it was. */
#include <stdlib.h>

#include "base/json.h"
#include "base/json_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTION "auths"
#define KEY "h.io"

/* The edited document without the member; aborts if it is not sound. */
static json_t *without_member(const struct sp_buf *text, bool wanted)
{
  struct sp_err err = SP_ERR_INIT;
  json_t *doc = NULL;
  if (sp_json_parse(sp_buf_span(text), &doc, &err) < 0)
    abort();
  json_t *section = json_object_get(doc, SECTION);
  json_t *member = json_object_get(section, KEY);
  if ((member != NULL) != wanted || (wanted && json_integer_value(member) != 42))
    abort();
  json_object_del(section, KEY);
  return doc;
}

static void check_set(struct sp_span text, json_t *expected)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf out;
  sp_buf_init(&out, 1 << 20);
  if (sp_json_edit_set(&out, text, SECTION, KEY, SP_SPAN_LIT("42"), &err) < 0)
    abort();
  SP_AUTO_JSON json_t *doc = without_member(&out, true);
  if (!json_is_object(json_object_get(expected, SECTION)))
    json_object_set_new(expected, SECTION, json_object());
  if (!json_equal(doc, expected))
    abort();
}

static void check_remove(struct sp_span text, json_t *expected)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf out;
  sp_buf_init(&out, 1 << 20);
  if (sp_json_edit_remove(&out, text, SECTION, KEY, &err) < 0)
    abort();
  SP_AUTO_JSON json_t *doc = without_member(&out, false);
  if (!json_equal(doc, expected))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JSON json_t *doc = NULL;
  if (size > 1 << 16 || sp_json_parse(text, &doc, &err) < 0 || !json_is_object(doc))
    return 0;
  json_t *section = json_object_get(doc, SECTION);
  if (section && !json_is_null(section) && !json_is_object(section))
    return 0;
  json_object_del(section, KEY);
  check_remove(text, doc);
  check_set(text, doc);
  return 0;
}
