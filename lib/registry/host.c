/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/host.h"

#include <strings.h>

static const struct sp_host hosts[] = {
    {
        .name = "docker.io",
        .api = "registry-1.docker.io",
        .key = "https://index.docker.io/v1/",
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

const char *sp_host_key(const char *name)
{
  const struct sp_host *host = sp_host_find(name);
  return host && host->key ? host->key : name;
}

/* A key, taken apart. */
struct key {
  bool has_scheme;
  struct sp_span host;
  struct sp_span path; /* "" or with its first slash */
};

static struct key split_key(struct sp_span text)
{
  static const char *const schemes[] = {"https://", "http://"};
  struct key key = {0};
  for (size_t i = 0; i < 2 && !key.has_scheme; i++) {
    size_t n = strlen(schemes[i]);
    if (text.len < n || strncasecmp(text.ptr, schemes[i], n) != 0)
      continue;
    key.has_scheme = true;
    text = sp_span_skip(text, n);
  }
  const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
  size_t host_len = slash ? (size_t)(slash - text.ptr) : text.len;
  key.host = SP_SPAN(text.ptr, host_len);
  key.path = host_len < text.len ? sp_span_skip(text, host_len) : SP_SPAN_LIT("");
  return key;
}

/* Without a scheme and without a slash at the end, a path is a namespace: of that very name, even
 * if it is "v1". */
static bool is_whole_host(const struct key *key)
{
  static const char *const paths[] = {"", "/", "/v1/", "/v2/", "/v1", "/v2"};
  size_t count = key->has_scheme ? 6 : 4;
  for (size_t i = 0; i < count; i++) {
    if (sp_span_eq_str(key->path, paths[i]))
      return true;
  }
  return false;
}

static bool is_name(struct sp_span text, const char *name)
{
  return text.len == strlen(name) && strncasecmp(text.ptr, name, text.len) == 0;
}

static bool is_host(const struct key *key, const char *name)
{
  if (key->host.len == 0)
    return false;
  if (is_name(key->host, name))
    return true;
  const struct sp_host *host = sp_host_find(name);
  for (size_t i = 0; host && host->keys[i]; i++) {
    if (is_name(key->host, host->keys[i]))
      return true;
  }
  return false;
}

size_t sp_host_fit_key(const char *name, const char *repository, struct sp_span text)
{
  struct key key = split_key(text);
  if (!is_host(&key, name))
    return 0;
  if (is_whole_host(&key))
    return 1;
  if (key.has_scheme || !repository)
    return 0;
  struct sp_span space = sp_span_skip(key.path, 1);
  if (space.len == 0 || strncmp(repository, space.ptr, space.len) != 0)
    return 0;
  char after = repository[space.len];
  return after == '\0' || after == '/' ? 1 + space.len : 0;
}

bool sp_host_is_namespace_key(const char *name, struct sp_span text)
{
  struct key key = split_key(text);
  return !key.has_scheme && is_host(&key, name) && !is_whole_host(&key);
}
