/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ci_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

int ci_report_begin(struct ci_report *report, const char *directory, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  *report = CI_REPORT_NONE;
  if (sp_file_open_dir(AT_FDCWD, directory, &report->dir_fd, err) < 0)
    return -1;
  if (sp_file_create_temp(report->dir_fd, 0644, report->temp, &fd, err) < 0) {
    ci_report_clear(report);
    return -1;
  }
  report->file = fdopen(fd, "w");
  if (report->file) {
    (void)sp_steal_fd(&fd);
    return 0;
  }
  unlinkat(report->dir_fd, report->temp, 0);
  ci_report_clear(report);
  return sp_fail(err, SP_E_NOMEM, "out of memory for the report");
}

void ci_report_add(struct ci_report *report, const char *json)
{
  if (report->file)
    fputs(json, report->file);
}

int ci_report_commit(struct ci_report *report, const char *command, char **name, struct sp_err *err)
{
  SP_AUTO_FREE char *named = NULL;
  if (fflush(report->file) != 0 || ferror(report->file))
    return sp_fail(err, SP_E_IO, "cannot write the report: is the disk full?");
  if (sp_text_format(&named, err, "safeport-report-%s-%016llx.json", command,
                     (unsigned long long)sp_random_u64()) < 0 ||
      sp_file_sync(fileno(report->file), err) < 0)
    return -1;
  if (renameat(report->dir_fd, report->temp, report->dir_fd, named) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot write '%s'", named);
  fclose(report->file);
  report->file = NULL;
  if (sp_file_sync_dir(report->dir_fd, err) < 0)
    return -1;
  *name = sp_steal(&named);
  return 0;
}

void ci_report_clear(struct ci_report *report)
{
  if (report->file) {
    fclose(report->file);
    unlinkat(report->dir_fd, report->temp, 0);
  }
  if (report->dir_fd >= 0)
    close(report->dir_fd);
  *report = CI_REPORT_NONE;
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
