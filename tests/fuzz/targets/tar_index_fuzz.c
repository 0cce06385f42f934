/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is accepted as a tar: every member lies inside the file, no name leads anywhere, no two
 * are equal, and links end. */
#include <sys/mman.h>

#include "archive/tar_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
  if (name[0] == '/' || name[0] == '\0')
    abort();
  for (const char *part = name; part; part = strchr(part, '/')) {
    part += *part == '/';
    size_t n = strcspn(part, "/");
    if (n == 0 || (n == 2 && part[0] == '.' && part[1] == '.'))
      abort();
  }
}

static void check_member(const struct sp_tar_index *index, size_t i, size_t size)
{
  const struct sp_tar_member *member = &index->members[i];
  const struct sp_tar_member *found;
  struct sp_err err;
  check_name(member->name);
  if (!member->link && (member->begin > size || member->size_bytes > size - member->begin))
    abort();
  if (i > 0 && strcmp(index->members[i - 1].name, member->name) >= 0)
    abort();
  if (sp_tar_index_find(index, sp_span_str(member->name), &found, &err) < 0) {
    if (!member->link)
      abort();
  } else if (found->link)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_TAR_INDEX struct sp_tar_index index = {0};
  SP_AUTO_CLOSE int fd = memfd_create("tar", MFD_CLOEXEC);
  if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
    abort();
  if (sp_tar_index_read(&index, fd, NULL, &err) < 0)
    return 0;
  for (size_t i = 0; i < index.count; i++)
    check_member(&index, i, size);
  return 0;
}
