/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/catalog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/errors.h"
#include "registry/answer.h"
#include "registry/pages.h"

#define FIRST "/v2/_catalog?n=100" /* some take no more, and refuse what is more */
#define SCOPE "registry:catalog:*"

void sp_catalog_page_clear(struct sp_catalog_page *page)
{
  for (size_t i = 0; i < page->count; i++)
    free(page->names[i]);
  free(page->names);
  free(page->next);
  *page = (struct sp_catalog_page){0};
}

/* -- a page */

static int add_name(struct sp_catalog_page *out, struct sp_span name, struct sp_err *err)
{
  if (!sp_ref_is_repository(name)) {
    out->left_out++;
    return 0;
  }
  if (out->count == out->cap) {
    size_t cap = out->cap ? out->cap * 2 : 128;
    char **names = reallocarray(out->names, cap, sizeof *names);
    if (!names)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a list of repositories");
    out->names = names;
    out->cap = cap;
  }
  if (sp_text_dup_span(&out->names[out->count], name, err) < 0)
    return -1;
  out->count++;
  return 0;
}

static int no_list(struct sp_err *err)
{
  return sp_fail(err, SP_E_PROTOCOL, "the answer holds no list of repositories");
}

/* `repositories` may be null, as Go writes an empty list; it must not be missing. */
int sp_catalog_parse(struct sp_span body, struct sp_catalog_page *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err why = SP_ERR_INIT;
  if (sp_json_parse(body, &doc, &why) < 0) {
    if (why.code != SP_E_NOMEM)
      return no_list(err);
    sp_err_copy(err, &why);
    return -1;
  }
  const json_t *names = json_object_get(doc, "repositories");
  if (!json_is_array(names) && !json_is_null(names))
    return no_list(err);
  size_t i;
  const json_t *name;
  json_array_foreach(names, i, name)
  {
    if (add_name(out, SP_SPAN(json_string_value(name), json_string_length(name)), err) < 0)
      return -1;
  }
  return 0;
}

/* -- asking for one */

static int hidden(const struct sp_remote *remote, int status, struct sp_err *err)
{
  (void)sp_fail(err, SP_E_AUTH,
                "'%s' does not show the list of its repositories to us (status %d); Docker Hub and "
                "GHCR, among others, show it to nobody: name the repositories under "
                "'repositories:' in safeport.yaml",
                remote->host, status);
  err->http_status = status;
  if (sp_site_auth_has_credential(remote->auth, ""))
    return -1;
  return sp_err_context(err, "no credentials for '%s' were found", remote->host);
}

static bool is_unknown_path(const struct sp_http_response *response)
{
  struct sp_oci_error said;
  sp_oci_error_parse(sp_buf_span(&response->body), &said);
  return response->status == 404 || response->status == 405 || response->status == 501 ||
         strcmp(said.code, "UNSUPPORTED") == 0;
}

/* An answer that is no page. */
static int refused(const struct sp_remote *remote, const struct sp_http_response *response,
                   struct sp_err *err)
{
  int status = response->status;
  if (status == 401 || status == 403)
    return hidden(remote, status, err);
  if (!is_unknown_path(response))
    return sp_answer_fail(remote->host, SP_ANSWER_TO_READ, response, err);
  (void)sp_fail(err, SP_E_UNSUPPORTED,
                "'%s' has no list of its repositories (status %d): name them under "
                "'repositories:' in safeport.yaml",
                remote->host, status);
  err->http_status = status;
  return -1;
}

static int fetch(struct sp_remote *remote, const char *target, struct sp_http_response *response,
                 struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_AUTH struct sp_auth auth;
  sp_auth_init(&auth, remote->auth, false);
  if (sp_url_make(sp_http_site_origin(remote->http_site), &url, err, "%s", target) < 0)
    return -1;
  const struct sp_http_request request = {
      .site = remote->http_site,
      .method = SP_GET,
      .url = &url,
      .auth = &auth.base,
      .scope = SCOPE,
      .max_body_bytes = SP_MAX_TAG_PAGE_BYTES,
  };
  if (sp_http_perform(remote->http, &request, response, err) < 0)
    return -1;
  sp_auth_answered(&auth, response->status);
  return response->status == 200 ? 0 : refused(remote, response, err);
}

static int list_page(struct sp_remote *remote, const struct sp_page *page,
                     struct sp_catalog_page *out, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (fetch(remote, page->target, &response, err) < 0 ||
      sp_catalog_parse(sp_buf_span(&response.body), out, err) < 0 ||
      sp_page_next(page, sp_http_site_origin(remote->http_site), &response, &out->next, err) < 0)
    return -1;
  if (out->left_out > 0)
    sp_log(SP_LOG_WARN, _("the list of '%s' holds what is no repository; it is left out"),
           remote->host);
  if (out->next && out->count == 0)
    return sp_fail(err, SP_E_PROTOCOL, "an empty page of repositories that is not the last");
  return 0;
}

int sp_catalog_list(struct sp_remote *remote, const char *cursor, struct sp_catalog_page *out,
                    struct sp_err *err)
{
  struct sp_page page;
  if (sp_remote_open(remote, err) < 0)
    return -1;
  if (!cursor)
    sp_page_begin(FIRST, &page);
  else if (sp_page_parse(cursor, &page, err) < 0)
    return -1;
  if (list_page(remote, &page, out, err) == 0)
    return 0;
  sp_catalog_page_clear(out);
  return -1;
}
