/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/referrers.h"

#include "base/json.h"
#include "base/text.h"
#include "oci/errors.h"
#include "oci/media_type.h"
#include "registry/pages.h"
#include "registry/repository.h"

static int no_api(struct sp_repository *repository, bool for_good, struct sp_err *err)
{
  if (for_good)
    atomic_store(&repository->remote->has_no_referrers, true);
  return sp_fail(err, SP_E_UNSUPPORTED, "'%s' has no referrers API", repository->remote->host);
}

/* A 404 about this repository or manifest says nothing of the other repositories there. */
static bool is_about_name(const struct sp_http_response *response)
{
  struct sp_oci_error said;
  sp_oci_error_parse(sp_buf_span(&response->body), &said);
  return strcmp(said.code, "NAME_UNKNOWN") == 0 || strcmp(said.code, "MANIFEST_UNKNOWN") == 0;
}

static int add_items(const json_t *items, struct sp_referrers *out, struct sp_err *err)
{
  size_t i;
  json_t *item;
  json_array_foreach(items, i, item)
  {
    struct sp_desc desc;
    if (out->count >= SP_MAX_GRAPH_NODES)
      return sp_fail(err, SP_E_LIMIT, "more than %d referrers", SP_MAX_GRAPH_NODES);
    if (sp_desc_from_json(item, &desc, err) < 0 || sp_referrers_add(out, &desc, item, err) < 0)
      return -1;
  }
  return 0;
}

/* A web page, or JSON that is no index, comes from registries that do not know this path. */
static int parse_page(struct sp_repository *repository, const struct sp_http_response *response,
                      struct sp_referrers *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err why = SP_ERR_INIT;
  json_t *items = NULL;
  if (sp_json_parse(sp_buf_span(&response->body), &doc, &why) < 0)
    return no_api(repository, true, err);
  if (sp_json_get_array(doc, "manifests", &items, &why) < 0)
    return no_api(repository, true, err);
  /* Go writes an empty list as null; without the media type it could be any document. */
  const char *type = json_string_value(json_object_get(doc, "mediaType"));
  if (!items && !(type && sp_media_is_index(sp_span_str(type))))
    return no_api(repository, true, err);
  return add_items(items, out, err);
}

static int list_page(struct sp_repository *repository, const struct sp_page *page,
                     struct sp_referrers *out, char **next, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  const struct sp_origin *origin = sp_http_site_origin(repository->remote->http_site);
  if (sp_url_make(origin, &url, err, "%s", page->target) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_GET,
      .url = &url,
      .headers = {{"Accept", SP_MEDIA_OCI_INDEX}},
      .header_count = 1,
      .max_body_bytes = SP_MAX_TAG_PAGE_BYTES,
  };
  if (sp_repository_perform(repository, &request, SP_ACCESS_READ, &response, err) < 0)
    return -1;
  if (response.status == 404 || response.status == 405 || response.status == 501)
    return no_api(repository, !is_about_name(&response), err);
  if (response.status == 400 || (response.status > 200 && response.status < 400))
    return no_api(repository, false, err);
  if (response.status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, &response, err);
  if (parse_page(repository, &response, out, err) < 0)
    return -1;
  return sp_page_next(page, origin, &response, next, err);
}

static int list_all(struct sp_repository *repository, const char *first, struct sp_referrers *out,
                    struct sp_err *err)
{
  struct sp_page page;
  sp_page_begin(first, &page);
  SP_AUTO_FREE char *cursor = NULL;
  for (;;) {
    SP_AUTO_FREE char *next = NULL;
    size_t before = out->count;
    if (list_page(repository, &page, out, &next, err) < 0)
      return -1;
    if (!next)
      return 0;
    if (out->count == before) /* pages without end, at our cost */
      return sp_fail(err, SP_E_PROTOCOL, "a page of referrers is empty and yet not the last");
    free(cursor);
    cursor = sp_steal(&next);
    if (sp_page_parse(cursor, &page, err) < 0)
      return -1;
  }
}

int sp_referrers_list(struct sp_store *store, const struct sp_digest *digest,
                      struct sp_referrers *out, struct sp_err *err)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  if (atomic_load(&repository->remote->has_no_referrers))
    return no_api(repository, false, err);
  char text[SP_DIGEST_TEXT_MAX];
  char first[SP_MAX_REPOSITORY + SP_DIGEST_TEXT_MAX + 32];
  sp_digest_format(digest, text);
  snprintf(first, sizeof first, "/v2/%s/referrers/%s", repository->name, text);
  if (sp_remote_open(repository->remote, err) < 0)
    return -1;
  return list_all(repository, first, out, err);
}
