/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ci_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

static int open_to_append(const char *path, int *fd, uint64_t *size_bytes, struct sp_err *err)
{
  /* O_NONBLOCK: a FIFO that nobody reads must not hold us up. */
  SP_AUTO_CLOSE int opened =
      open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  struct stat facts;
  if (opened < 0 || fstat(opened, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot write to '%s'", path);
  if (!S_ISREG(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "cannot write to '%s': it is not a regular file", path);
  *size_bytes = (uint64_t)facts.st_size;
  *fd = sp_steal_fd(&opened);
  return 0;
}

int ci_file_append(const char *path, struct sp_span bytes, uint64_t most_bytes, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  uint64_t before = 0;
  if (open_to_append(path, &fd, &before, err) < 0)
    return -1;
  if (bytes.len > most_bytes || before > most_bytes - bytes.len)
    return sp_fail(err, SP_E_LIMIT, "cannot write to '%s': it would become too large", path);
  if (sp_file_write_all(fd, bytes.ptr, bytes.len, err) == 0)
    return 0;
  if (ftruncate(fd, (off_t)before) < 0) /* half an entry would spoil those of others */
    return sp_err_context(err, "'%s' holds half an entry", path);
  return sp_err_context(err, "cannot write to '%s'", path);
}

int ci_file_write_report(const char *directory, const char *command, const char *json, char **path,
                         struct sp_err *err)
{
  SP_AUTO_FREE char *name = NULL;
  if (sp_text_format(&name, err, "%s/safeport-report-%s-%016llx.json", directory, command,
                     (unsigned long long)sp_random_u64()) < 0 ||
      sp_file_replace(AT_FDCWD, name, 0644, sp_span_str(json), err) < 0)
    return -1;
  *path = sp_steal(&name);
  return 0;
}

int ci_file_format_output(struct sp_buf *out, const char *name, const char *value,
                          struct sp_err *err)
{
  if (!value[strcspn(value, "\r\n")])
    return sp_buf_appendf(out, err, "%s=%s\n", name, value);
  char mark[64];
  snprintf(mark, sizeof mark, "safeport_%016llx%016llx", (unsigned long long)sp_random_u64(),
           (unsigned long long)sp_random_u64());
  return sp_buf_appendf(out, err, "%s<<%s\n%s\n%s\n", name, mark, value, mark);
}
