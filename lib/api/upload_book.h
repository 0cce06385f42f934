/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as the memory of uploads (registry/upload_memory.h): a run that was cut off leaves
 * what its registries had acknowledged, and the next one sends the rest.
 *
 * Only of large blobs (SP_RESUMABLE_BYTES): each chunk costs a transaction. Threads: any.
 */
#ifndef SP_API_UPLOAD_BOOK_H
#define SP_API_UPLOAD_BOOK_H

#include "journal/journal.h"
#include "registry/upload_memory.h"

struct sp_upload_book {
  struct sp_upload_memory memory; /* first */
  struct sp_journal *journal;     /* borrowed */
};

/* Over `journal`, which must outlive its use. Holds nothing that is to be freed. */
void sp_upload_book_init(struct sp_upload_book *book, struct sp_journal *journal);

#endif
