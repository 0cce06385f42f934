/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test of credentials, and files and helpers in it. */
#ifndef SP_TESTS_REGISTRY_SCRATCH_H
#define SP_TESTS_REGISTRY_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_dir[] = "/tmp/sp-registry-XXXXXX";

/* Valid until this thread's next call. */
static inline const char *scratch_path(const char *name)
{
  static _Thread_local char path[128];
  snprintf(path, sizeof path, "%s/%s", scratch_dir, name);
  return path;
}

/* A link of that name is replaced, not followed. */
static inline void scratch_write(const char *name, const char *text, mode_t mode)
{
  unlink(scratch_path(name));
  FILE *file = fopen(scratch_path(name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(chmod(scratch_path(name), mode), 0);
}

/* Makes the folder; programs in it are found first. */
static inline int scratch_open(void **state)
{
  (void)state;
  char path[sizeof scratch_dir + 32];
  if (!mkdtemp(scratch_dir))
    return -1;
  snprintf(path, sizeof path, "%s:/usr/bin:/bin", scratch_dir);
  return setenv("PATH", path, 1);
}

static inline int scratch_close(void **state)
{
  (void)state;
  char command[sizeof scratch_dir + 16];
  snprintf(command, sizeof command, "rm -r %s", scratch_dir);
  return system(command);
}

#endif
