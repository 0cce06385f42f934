/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/layout.h"

#include <stdlib.h>

#include "base/text.h"
#include "layout/layout_store.h"

/* Others may read what is kept in a directory that the user named; the umask decides. */
static const struct sp_layout_modes modes = {.dir = 0755, .file = 0644, .blob = 0644};

/* By its path from the root: a name may be one below some working directory. */
static int set_known_as(struct sp_layout_dir *dir, const char *path, struct sp_err *err)
{
  SP_AUTO_FREE char *real = realpath(path, NULL);
  return real ? sp_text_format(&dir->known_as, err, "oci:%s", real) : 0;
}

int sp_layout_open(const char *path, const char *name, enum sp_layout_mode mode,
                   const struct sp_cancel *cancel, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_LAYOUT_DIR struct sp_layout_dir dir = SP_LAYOUT_DIR_INIT;
  if (sp_layout_dir_init(&dir, name, mode, &modes, cancel, err) < 0)
    return -1;
  if (sp_layout_dir_open_path(path, mode, modes.dir, &dir.fd, err) < 0)
    return sp_err_context(err, "cannot open layout '%s'", name);
  if (set_known_as(&dir, path, err) < 0 || sp_layout_dir_ready(&dir, err) < 0)
    return -1;
  return sp_layout_store_new_take(&dir, out, err);
}
