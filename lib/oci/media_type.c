/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/media_type.h"

#include <strings.h>

#define NAME_MAX_6838 127

/* restricted-name-chars of RFC 6838 4.2; the first one must be a letter or a digit. */
static bool is_name(const char *s, size_t len)
{
  static const char others[] = "!#$&-^_.+";
  if (len == 0 || len > NAME_MAX_6838)
    return false;
  for (size_t i = 0; i < len; i++) {
    char c = s[i];
    bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    bool is_other = i > 0 && c != '\0' && strchr(others, c);
    if (!is_alnum && !is_other)
      return false;
  }
  return true;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

struct sp_span sp_media_strip(struct sp_span content_type)
{
  struct sp_span s = content_type;
  const char *semicolon = s.len ? memchr(s.ptr, ';', s.len) : NULL;
  if (semicolon)
    s.len = (size_t)(semicolon - s.ptr);
  while (s.len > 0 && is_blank(s.ptr[0]))
    s = sp_span_skip(s, 1);
  while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
    s.len--;
  const char *slash = s.len ? memchr(s.ptr, '/', s.len) : NULL;
  if (!slash)
    return SP_SPAN_LIT("");
  size_t type_len = (size_t)(slash - s.ptr);
  if (!is_name(s.ptr, type_len) || !is_name(slash + 1, s.len - type_len - 1))
    return SP_SPAN_LIT("");
  return s;
}

static bool is_one_of(struct sp_span media_type, const char *const types[], size_t count)
{
  struct sp_span s = sp_media_strip(media_type);
  for (size_t i = 0; i < count; i++) {
    if (s.len == strlen(types[i]) && strncasecmp(s.ptr, types[i], s.len) == 0)
      return true;
  }
  return false;
}
#define IS_ONE_OF(media_type, types) is_one_of(media_type, types, sizeof types / sizeof types[0])

bool sp_media_is_index(struct sp_span media_type)
{
  static const char *const types[] = {SP_MEDIA_OCI_INDEX, SP_MEDIA_DOCKER_LIST};
  return IS_ONE_OF(media_type, types);
}

bool sp_media_is_manifest(struct sp_span media_type)
{
  static const char *const types[] = {SP_MEDIA_OCI_MANIFEST, SP_MEDIA_DOCKER_MANIFEST};
  return IS_ONE_OF(media_type, types);
}

bool sp_media_is_schema1(struct sp_span media_type)
{
  static const char *const types[] = {"application/vnd.docker.distribution.manifest.v1+json",
                                      "application/vnd.docker.distribution.manifest.v1+prettyjws"};
  return IS_ONE_OF(media_type, types);
}

bool sp_media_is_nondistributable(struct sp_span media_type)
{
  static const char *const types[] = {
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"};
  return IS_ONE_OF(media_type, types);
}
