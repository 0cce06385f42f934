/* SPDX-License-Identifier: Apache-2.0 */
/* A digest in a header is a claim: it is compared, and believed only where no body was asked for.
 * What stands behind "manifests/" is a tag that was checked or a digest printed from its struct. */
#include "registry/manifests.h"

#include <stdio.h>

#include "base/log.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "registry/repository.h"

/* -- requests */

static int perform(struct sp_repository *repository, enum sp_http_method method, const char *name,
                   struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  if (sp_repository_url(repository, &url, err, "manifests/%s", name) < 0)
    return -1;
  struct sp_http_request request = {
      .method = method,
      .url = &url,
      .headers = {{"Accept", SP_MEDIA_ACCEPT}},
      .header_count = 1,
      .max_body_bytes = SP_MAX_MANIFEST_BYTES,
  };
  return sp_repository_perform(repository, &request, SP_ACCESS_READ, response, err);
}

static void copy_media_type(const struct sp_http_response *response,
                            char out[SP_MAX_MEDIA_TYPE + 1])
{
  struct sp_span type =
      sp_media_strip(sp_span_str(sp_headers_get(&response->headers, "Content-Type")));
  size_t n = type.len <= SP_MAX_MEDIA_TYPE ? type.len : 0;
  if (n > 0)
    memcpy(out, type.ptr, n);
  out[n] = '\0';
}

/* -- by GET: what came is hashed */

static int get(struct sp_repository *repository, const char *name,
               struct sp_http_response *response, struct sp_err *err)
{
  if (perform(repository, SP_GET, name, response, err) < 0)
    return -1;
  if (response->status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, response, err);
  return 0;
}

/* `want` NULL: whatever it is. */
static int named_by_get(struct sp_repository *repository, const char *name,
                        const struct sp_digest *want, struct sp_named *out, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (get(repository, name, &response, err) < 0)
    return -1;
  struct sp_named named = {.size_bytes = response.body.len};
  enum sp_digest_alg alg = want ? want->alg : SP_DIGEST_SHA256;
  const char *bytes = sp_buf_str(&response.body);
  if (sp_digest_of(alg, bytes, response.body.len, &named.digest, err) < 0)
    return -1;
  if (want && sp_digest_check(want, bytes, response.body.len, err) < 0)
    return -1;
  if (sp_repository_check_digest(&response, &named.digest, false, err) < 0)
    return -1;
  copy_media_type(&response, named.media_type);
  *out = named;
  return 0;
}

/* -- by HEAD: a claim */

static bool header_digest(const struct sp_http_response *response, struct sp_digest *out)
{
  struct sp_err ignored = SP_ERR_INIT;
  const char *value = sp_headers_get(&response->headers, "Docker-Content-Digest");
  return value && sp_digest_parse(sp_span_str(value), out, &ignored) == 0;
}

/* The answer to a HEAD has no error text. Where it would tell something new, it is fetched by GET.
 */
static bool is_text_wanted(int status)
{
  return status >= 400 && status < 500 && status != 401 && status != 404 && status != 429;
}

static int named_by_head(struct sp_repository *repository, const char *name,
                         const struct sp_digest *want, struct sp_named *out, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (perform(repository, SP_HEAD, name, &response, err) < 0)
    return -1;
  if (is_text_wanted(response.status))
    return named_by_get(repository, name, want, out, err);
  if (response.status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, &response, err);
  struct sp_named named = {.size_bytes = sp_repository_length(&response)};
  if (want) {
    if (sp_repository_check_digest(&response, want, false, err) < 0)
      return -1;
    named.digest = *want;
  } else if (!header_digest(&response, &named.digest)) {
    return named_by_get(repository, name, NULL, out, err);
  }
  copy_media_type(&response, named.media_type);
  *out = named;
  return 0;
}

static int check_tag(const char *tag, struct sp_err *err)
{
  if (sp_ref_is_tag(sp_span_str(tag)))
    return 0;
  return sp_fail(err, SP_E_USAGE, "'%s' is not a tag", tag);
}

int sp_manifests_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                         struct sp_err *err)
{
  if (check_tag(tag, err) < 0)
    return -1;
  if (named_by_head((struct sp_repository *)store, tag, NULL, out, err) == 0)
    return 0;
  if (err->code == SP_E_NOT_FOUND) /* which of both, a HEAD does not tell */
    sp_err_context(err, "no such repository, or no such tag in it: check both names (a private "
                        "one may look so, too)");
  return -1;
}

int sp_manifests_stat(struct sp_store *store, const struct sp_digest *digest, struct sp_named *out,
                      struct sp_err *err)
{
  char name[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, name);
  return named_by_head((struct sp_repository *)store, name, digest, out, err);
}

int sp_manifests_get(struct sp_store *store, const struct sp_digest *digest,
                     struct sp_manifest_bytes *out, struct sp_err *err)
{
  char name[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, name);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (get((struct sp_repository *)store, name, &response, err) < 0 ||
      sp_digest_check(digest, sp_buf_str(&response.body), response.body.len, err) < 0)
    return -1;
  out->digest = *digest;
  copy_media_type(&response, out->media_type);
  sp_buf_reset(&out->bytes);
  return sp_buf_append_span(&out->bytes, sp_buf_span(&response.body), err);
}

/* -- writing */

/* The type to send it as: what the manifest was read as, else what it says itself. */
static int media_type_of(const struct sp_manifest_bytes *manifest, char out[SP_MAX_MEDIA_TYPE + 1],
                         bool *has_subject, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_span type = sp_span_str(manifest->media_type);
  if (sp_manifest_parse(sp_buf_span(&manifest->bytes), type, &parsed, err) < 0)
    return -1;
  *has_subject = parsed.has_subject;
  memcpy(out, parsed.media_type, sizeof parsed.media_type);
  return 0;
}

static int put(struct sp_repository *repository, const char *name, const char *media_type,
               const struct sp_manifest_bytes *manifest, struct sp_http_response *response,
               struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  if (sp_repository_url(repository, &url, err, "manifests/%s", name) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_PUT,
      .url = &url,
      .headers = {{"Content-Type", media_type}},
      .header_count = 1,
      .body = sp_buf_span(&manifest->bytes),
  };
  if (sp_repository_perform(repository, &request, SP_ACCESS_WRITE, response, err) < 0)
    return -1;
  if (response->status == 200 || response->status == 204)
    sp_log(SP_LOG_INFO, "%s answered %d to a manifest, not 201", repository->full_name,
           response->status);
  else if (response->status != 201)
    return sp_repository_fail(repository, SP_ANSWER_TO_MANIFEST, response, err);
  return sp_repository_check_digest(response, &manifest->digest, true, err);
}

int sp_manifests_put(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                     bool *subject_handled, struct sp_err *err)
{
  char name[SP_DIGEST_TEXT_MAX];
  char media_type[SP_MAX_MEDIA_TYPE + 1];
  bool has_subject = false;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  sp_digest_format(&manifest->digest, name);
  if (media_type_of(manifest, media_type, &has_subject, err) < 0 ||
      put((struct sp_repository *)store, name, media_type, manifest, &response, err) < 0)
    return -1;
  *subject_handled = !has_subject || sp_headers_get(&response.headers, "OCI-Subject");
  return 0;
}

/* -- tags */

static int put_tag(struct sp_repository *repository, const char *tag, const char *media_type,
                   const struct sp_manifest_bytes *manifest, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  return put(repository, tag, media_type, manifest, &response, err);
}

/* Does the tag name the manifest now? *again: a second PUT may help (a registry that was killed or
 * ran out of disk leaves empty links: reliability.md rows 05, 27). */
static int read_back(struct sp_repository *repository, const char *tag,
                     const struct sp_digest *digest, bool *again, struct sp_err *err)
{
  struct sp_named named;
  *again = false;
  if (named_by_head(repository, tag, NULL, &named, err) < 0) {
    *again = err->code == SP_E_NOT_FOUND || err->code == SP_E_SERVER;
    if (err->code == SP_E_NOT_FOUND)
      err->code = SP_E_SERVER; /* it said 201: this is not an answer to "is there such a tag" */
    return sp_err_context(err, "it was set, and cannot be read back");
  }
  if (named.digest.alg != digest->alg || sp_digest_eq(&named.digest, digest))
    return 0;
  *again = true;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&named.digest, text);
  return sp_fail(err, SP_E_PROTOCOL,
                 "it names '%s' after it was set: does somebody else push to it?", text);
}

static int set_tag(struct sp_repository *repository, const char *tag, const char *media_type,
                   const struct sp_manifest_bytes *manifest, struct sp_err *err)
{
  bool again;
  if (put_tag(repository, tag, media_type, manifest, err) < 0)
    return -1;
  struct sp_err why = SP_ERR_INIT;
  if (read_back(repository, tag, &manifest->digest, &again, &why) == 0)
    return 0;
  if (!again) {
    sp_err_copy(err, &why);
    return -1;
  }
  sp_log(SP_LOG_INFO, "tag %s of %s is put again: %s", tag, repository->full_name, why.msg);
  if (put_tag(repository, tag, media_type, manifest, err) < 0)
    return -1;
  return read_back(repository, tag, &manifest->digest, &again, err);
}

int sp_manifests_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                          const struct sp_manifest_bytes *manifest, size_t *done,
                          struct sp_err *err)
{
  char media_type[SP_MAX_MEDIA_TYPE + 1];
  bool has_subject;
  *done = 0;
  if (media_type_of(manifest, media_type, &has_subject, err) < 0)
    return -1;
  for (; *done < n; (*done)++) {
    const char *tag = tags[*done];
    if (check_tag(tag, err) < 0 ||
        set_tag((struct sp_repository *)store, tag, media_type, manifest, err) < 0)
      return -1;
  }
  return 0;
}
