/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar_path.h"

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

static int refuse(struct sp_span name, const char *why, struct sp_err *err)
{
  char shown[160];
  sp_text_escape(shown, sizeof shown, name);
  return sp_fail(err, SP_E_INVALID, "the name '%s' in it %s", shown, why);
}

/* Takes the last component off. False if there is none. */
static bool go_up(const char *path, size_t *len)
{
  if (*len == 0)
    return false;
  while (*len > 0 && path[*len - 1] != '/')
    (*len)--;
  if (*len > 0)
    (*len)--; /* the slash */
  return true;
}

/* Appends the components of `name` to the first `len` bytes of out, which has the room. */
static int append(char *out, size_t len, struct sp_span name, bool allows_up, struct sp_err *err)
{
  struct sp_span rest = name;
  while (rest.len > 0) {
    const char *slash = memchr(rest.ptr, '/', rest.len);
    size_t n = slash ? (size_t)(slash - rest.ptr) : rest.len;
    struct sp_span part = SP_SPAN(rest.ptr, n);
    rest = sp_span_skip(rest, n + (slash ? 1 : 0));
    if (n == 0 || sp_span_eq_str(part, "."))
      continue;
    if (sp_span_eq_str(part, "..")) {
      if (!allows_up)
        return refuse(name, _("has '..'"), err);
      if (!go_up(out, &len))
        return refuse(name, _("leads out of the archive"), err);
      continue;
    }
    if (len > 0)
      out[len++] = '/';
    memcpy(out + len, part.ptr, n);
    len += n;
  }
  out[len] = '\0';
  return 0;
}

static int make(const char *start, size_t start_len, struct sp_span name, bool allows_up,
                char **out, struct sp_err *err)
{
  if (name.len > SP_MAX_ARCHIVE_NAME)
    return refuse(SP_SPAN(name.ptr, 64), _("is too long"), err);
  if (name.len > 0 && name.ptr[0] == '/')
    return refuse(name, _("is absolute"), err);
  SP_AUTO_FREE char *path = malloc(start_len + name.len + 2);
  if (!path)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the names of an archive");
  memcpy(path, start, start_len);
  if (append(path, start_len, name, allows_up, err) < 0)
    return -1;
  *out = sp_steal(&path);
  return 0;
}

int sp_tar_path_name(struct sp_span name, char **out, struct sp_err *err)
{
  return make("", 0, name, false, out, err);
}

int sp_tar_path_link(const char *from, struct sp_span target, char **out, struct sp_err *err)
{
  size_t len = strlen(from);
  go_up(from, &len);
  return make(from, len, target, true, out, err);
}
