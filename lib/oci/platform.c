/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/platform.h"

#include "base/text.h"

static bool is_part(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '-';
    if (!ok)
      return false;
  }
  return s.len > 0 && s.len < SP_PLATFORM_PART_MAX;
}

int sp_platform_parse(struct sp_span text, struct sp_platform *out, struct sp_err *err)
{
  struct sp_platform platform = {0};
  char *const parts[] = {platform.os, platform.architecture, platform.variant};
  size_t count = 0;
  struct sp_span rest = text;
  bool more = true;
  bool good = true;
  while (more && good) {
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    struct sp_span part = SP_SPAN(rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len);
    good = count < 3 && is_part(part);
    if (good)
      memcpy(parts[count++], part.ptr, part.len);
    more = slash != NULL;
    if (more)
      rest = sp_span_skip(rest, part.len + 1);
  }
  if (good && count >= 2) {
    *out = platform;
    return 0;
  }
  char shown[128];
  sp_text_escape(shown, sizeof shown, text);
  return sp_fail(err, SP_E_USAGE,
                 "invalid platform '%s': write 'os/architecture' or 'os/architecture/variant'",
                 shown);
}

void sp_platform_format(const struct sp_platform *platform, char out[SP_PLATFORM_TEXT_MAX])
{
  const char *os = platform->os[0] ? platform->os : "unknown";
  const char *architecture = platform->architecture[0] ? platform->architecture : "unknown";
  if (!platform->os[0] && !platform->architecture[0])
    snprintf(out, SP_PLATFORM_TEXT_MAX, "unknown");
  else
    snprintf(out, SP_PLATFORM_TEXT_MAX, "%s/%s%s%s", os, architecture,
             platform->variant[0] ? "/" : "", platform->variant);
}

/* The variant that an architecture has when none is written. */
static const char *variant_of(const struct sp_platform *platform)
{
  if (platform->variant[0])
    return platform->variant;
  if (strcmp(platform->architecture, "arm64") == 0)
    return "v8";
  return strcmp(platform->architecture, "amd64") == 0 ? "v1" : "";
}

bool sp_platform_matches(const struct sp_platform *have, const struct sp_platform *want)
{
  if (strcmp(have->os, want->os) != 0 || strcmp(have->architecture, want->architecture) != 0)
    return false;
  if (want->variant[0] && strcmp(variant_of(have), want->variant) != 0)
    return false;
  return !want->os_version[0] || strcmp(have->os_version, want->os_version) == 0;
}

bool sp_platform_is_unknown(const struct sp_platform *platform)
{
  return strcmp(platform->os, "unknown") == 0 && strcmp(platform->architecture, "unknown") == 0;
}
