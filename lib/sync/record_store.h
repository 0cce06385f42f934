/* SPDX-License-Identifier: Apache-2.0 */
/* The record artifact (journal/record.h) in a store: getting it and putting it. */
#ifndef SP_SYNC_RECORD_STORE_H
#define SP_SYNC_RECORD_STORE_H

#include "journal/record.h"
#include "store/retry.h"
#include "store/store.h"

/* Gets the record that lies there under SP_RECORD_TAG, into an initialised, empty record. Every
 * byte is hashed. Fails: SP_E_NOT_FOUND; as sp_record_locate and sp_record_decode; the store's. */
SP_MUST_CHECK int sp_record_fetch(struct sp_store *store, const struct sp_retry_policy *retry,
                                  struct sp_record *record, struct sp_err *err);
/* Puts it: its blobs, its manifest, read back, then the tag. Fails: as the store; SP_E_LIMIT. */
SP_MUST_CHECK int sp_record_publish(struct sp_store *store, const struct sp_retry_policy *retry,
                                    const struct sp_record *record, struct sp_err *err);

#endif
