/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/host.h"

#include <strings.h>

static const struct sp_host hosts[] = {
    {
        .name = "docker.io",
        .api = "registry-1.docker.io",
        .token_host = "auth.docker.io",
        .keys = {"index.docker.io", "registry-1.docker.io"},
        .user_variable = "DOCKERHUB_USERNAME",
        .secret_variable = "DOCKERHUB_TOKEN",
        .is_metered = true,
    },
    {
        .name = "ghcr.io",
        .api = "ghcr.io",
        .user_variable = "GITHUB_ACTOR",
        .secret_variable = "GITHUB_TOKEN",
    },
};

const struct sp_host *sp_host_find(const char *name)
{
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    if (strcmp(hosts[i].name, name) == 0)
      return &hosts[i];
  }
  return NULL;
}

const char *sp_host_api(const char *name)
{
  const struct sp_host *host = sp_host_find(name);
  return host ? host->api : name;
}

static struct sp_span without_scheme(struct sp_span key)
{
  static const char *const schemes[] = {"https://", "http://"};
  for (size_t i = 0; i < 2; i++) {
    size_t n = strlen(schemes[i]);
    if (key.len >= n && strncasecmp(key.ptr, schemes[i], n) == 0)
      return sp_span_skip(key, n);
  }
  return key;
}

/* A path of another kind is a namespace (podman's auth.json): its credentials are for a part of the
 * host only. */
static bool is_whole_host_path(struct sp_span path)
{
  static const char *const paths[] = {"", "/", "/v1", "/v1/", "/v2", "/v2/"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    if (sp_span_eq_str(path, paths[i]))
      return true;
  }
  return false;
}

static bool is_name(struct sp_span text, const char *name)
{
  return text.len == strlen(name) && strncasecmp(text.ptr, name, text.len) == 0;
}

bool sp_host_owns_key(const char *name, struct sp_span key)
{
  struct sp_span rest = without_scheme(key);
  const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
  size_t host_len = slash ? (size_t)(slash - rest.ptr) : rest.len;
  if (host_len == 0 || !is_whole_host_path(sp_span_skip(rest, host_len)))
    return false;
  struct sp_span text = SP_SPAN(rest.ptr, host_len);
  if (is_name(text, name))
    return true;
  const struct sp_host *host = sp_host_find(name);
  for (size_t i = 0; host && host->keys[i]; i++) {
    if (is_name(text, host->keys[i]))
      return true;
  }
  return false;
}
