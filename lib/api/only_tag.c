/* SPDX-License-Identifier: Apache-2.0 */
#include "api/only_tag.h"

static int add_page(const struct sp_tag_page *page, size_t *count, char out[SP_MAX_TAG + 1],
                    struct sp_err *err)
{
  for (size_t i = 0; i < page->count; i++) {
    struct sp_span tag = sp_span_str(page->tags[i]);
    if (sp_ref_is_digest_tag(tag))
      continue;
    if (tag.len > SP_MAX_TAG)
      return sp_fail(err, SP_E_INVALID, "a tag of %zu characters", tag.len);
    memcpy(out, tag.ptr, tag.len + 1);
    (*count)++;
  }
  return 0;
}

int sp_only_tag(struct sp_store *store, const char *name, const char *remedy,
                char out[SP_MAX_TAG + 1], struct sp_err *err)
{
  struct sp_tag_page page SP_CLEANUP(sp_tag_page_clear_auto_) = {0};
  size_t count = 0;
  if (sp_store_list_tags(store, NULL, &page, err) < 0 || add_page(&page, &count, out, err) < 0)
    return -1;
  if (count == 1)
    return 0;
  if (count == 0)
    return sp_fail(err, SP_E_USAGE, "'%s' has no tag to give on: %s", name, remedy);
  return sp_fail(err, SP_E_USAGE, "'%s' holds more than one tag: %s", name, remedy);
}
