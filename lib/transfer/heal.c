/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/heal.h"

#include "base/log.h"
#include "store/memory.h"
#include "store/relay.h"

void sp_heal_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                      const struct sp_cancel *cancel)
{
  SP_AUTO_STORE struct sp_store *memory = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  if (sp_memory_new("manifest", &memory, &err) < 0 ||
      sp_memory_add_blob(memory, sp_buf_span(&manifest->bytes), &digest, &err) < 0)
    return;
  struct sp_relay_end end = {.store = store};
  struct sp_relay relay = {.source = memory,
                           .digest = manifest->digest,
                           .size_bytes = manifest->bytes.len,
                           .ends = &end,
                           .end_count = 1,
                           .cancel = cancel};
  if (sp_relay_run(&relay, &err) < 0 || end.result != SP_RELAY_DONE)
    sp_log(SP_LOG_INFO, "cannot heal a manifest by an upload: %s",
           err.code ? err.msg : end.err.msg);
}
