/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says while it loads: in one piece and byte by byte it means the same, and what is
 * shown of it is safe to show. */
#include <stdlib.h>

#include "engine/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum sp_code judge(const char *bytes, size_t size, size_t piece, struct sp_err *err)
{
  struct sp_verdict verdict;
  int rc = 0;
  sp_verdict_init(&verdict);
  for (size_t at = 0; at < size && rc == 0; at += piece)
    rc = sp_verdict_feed(&verdict, bytes + at, size - at < piece ? size - at : piece, err);
  if (rc == 0)
    rc = sp_verdict_end(&verdict, err);
  sp_verdict_clear(&verdict);
  return rc < 0 ? err->code : SP_OK;
}

static void check_shown(const char *text)
{
  for (; *text; text++) {
    if ((unsigned char)*text < ' ' || *text == 0x7f)
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err whole = SP_ERR_INIT;
  struct sp_err pieces = SP_ERR_INIT;
  char said[SP_VERDICT_TEXT_MAX];
  const char *bytes = (const char *)data;
  if (judge(bytes, size, size + 1, &whole) != judge(bytes, size, 1, &pieces))
    abort();
  check_shown(whole.msg);
  sp_verdict_find_in_tail(SP_SPAN(bytes, size), said);
  check_shown(said);
  return 0;
}
