/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/tags.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/pages.h"
#include "registry/repository.h"

#define PAGE_TAGS 1000 /* ECR refuses more */

static int add_tags(const json_t *doc, const char *name, struct sp_tag_page *out,
                    struct sp_err *err)
{
  json_t *tags;
  if (sp_json_get_array(doc, "tags", &tags, err) < 0)
    return -1;
  size_t i;
  json_t *item;
  json_array_foreach(tags, i, item)
  {
    struct sp_span tag = SP_SPAN(json_string_value(item), json_string_length(item));
    if (!sp_ref_is_tag(tag)) {
      sp_log(SP_LOG_WARN, _("the tag list of '%s' holds what is no tag; it is left out"), name);
      continue;
    }
    if (sp_tag_page_add(out, tag, err) < 0)
      return -1;
  }
  return 0;
}

/* `tags` may be null: a repository whose last tag was deleted. */
int sp_tags_parse(struct sp_span body, const char *name, struct sp_tag_page *out,
                  struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(body, &doc, err) == 0 && add_tags(doc, name, out, err) == 0)
    return 0;
  if (err->code == SP_E_INVALID)
    err->code = SP_E_PROTOCOL;
  return -1;
}

static int fetch_page(struct sp_repository *repository, const char *target,
                      struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  const struct sp_origin *origin = sp_http_site_origin(repository->remote->http_site);
  if (sp_url_make(origin, &url, err, "%s", target) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_GET, .url = &url, .max_body_bytes = SP_MAX_TAG_PAGE_BYTES};
  if (sp_repository_perform(repository, &request, SP_ACCESS_READ, response, err) < 0)
    return -1;
  if (response->status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, response, err);
  return 0;
}

static int list_page(struct sp_repository *repository, const struct sp_page *page,
                     struct sp_tag_page *out, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (fetch_page(repository, page->target, &response, err) < 0 ||
      sp_tags_parse(sp_buf_span(&response.body), repository->full_name, out, err) < 0)
    return -1;
  const struct sp_origin *origin = sp_http_site_origin(repository->remote->http_site);
  if (sp_page_next(page, origin, &response, &out->next, err) < 0)
    return -1;
  if (out->next && out->count == 0)
    return sp_fail(err, SP_E_PROTOCOL, "an empty page of tags that is not the last");
  return 0;
}

int sp_tags_list(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                 struct sp_err *err)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  char first[SP_MAX_REPOSITORY + 64];
  snprintf(first, sizeof first, "/v2/%s/tags/list?n=%d", repository->name, PAGE_TAGS);
  struct sp_page page;
  if (sp_remote_open(repository->remote, err) < 0)
    return -1;
  if (!cursor)
    sp_page_begin(first, &page);
  else if (sp_page_parse(cursor, &page, err) < 0)
    return -1;
  return list_page(repository, &page, out, err);
}
