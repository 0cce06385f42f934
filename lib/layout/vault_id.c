/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/vault_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "layout/lock.h"

#define ID_FILE "vault-id"

static bool is_id(struct sp_span text)
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < text.len && i < SP_VAULT_ID_LEN; i++) {
    if (!memchr(digits, text.ptr[i], sizeof digits - 1))
      return false;
  }
  return text.len == SP_VAULT_ID_LEN + 1 && text.ptr[SP_VAULT_ID_LEN] == '\n';
}

/* Answers false if there is none that makes sense: then one may be made. */
static bool read_id(int root_fd, char out[SP_VAULT_ID_LEN + 1], bool *is_readable)
{
  SP_AUTO_BUF struct sp_buf bytes;
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(&bytes, SP_VAULT_ID_LEN + 1);
  out[0] = '\0';
  bool was_read = sp_file_read(root_fd, ID_FILE, &bytes, &err) == 0;
  *is_readable = was_read || err.code == SP_E_NOT_FOUND || err.code == SP_E_LIMIT;
  if (!was_read || !is_id(sp_buf_span(&bytes)))
    return false;
  snprintf(out, SP_VAULT_ID_LEN + 1, "%.*s", SP_VAULT_ID_LEN, bytes.data);
  return true;
}

/* Two images, or two processes, that come upon a vault without an id are to give it one. */
void sp_vault_id_get(int root_fd, bool make, mode_t mode, const struct sp_cancel *cancel,
                     char out[SP_VAULT_ID_LEN + 1])
{
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  char line[SP_VAULT_ID_LEN + 2];
  struct sp_err err = SP_ERR_INIT;
  bool is_readable;
  if (read_id(root_fd, out, &is_readable) || !make || !is_readable ||
      sp_lock_take(&lock, root_fd, mode, "the vault", cancel, &err) < 0 ||
      read_id(root_fd, out, &is_readable) || !is_readable)
    return;
  snprintf(line, sizeof line, "%016" PRIx64 "%016" PRIx64 "\n", sp_random_u64(), sp_random_u64());
  if (sp_file_replace(root_fd, ID_FILE, mode, sp_span_str(line), &err) == 0)
    (void)read_id(root_fd, out, &is_readable);
}
