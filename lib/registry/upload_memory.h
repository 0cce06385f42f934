/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that outlive their writer, and their process: what is known of a session that was left
 * open, so that whoever sends the same blob to the same repository goes on where it ended. Who
 * keeps it is not known here (api/upload_book.h).
 *
 * What is kept is a hint and comes back as bytes from outside: the Location is checked like one
 * that a registry sends, how far the session is only its registry says, and whether all that is in
 * it is the blob only the digest. Threads: any.
 */
#ifndef SP_REGISTRY_UPLOAD_MEMORY_H
#define SP_REGISTRY_UPLOAD_MEMORY_H

#include "registry/upload.h"

struct sp_upload_memory {
  /* The session that was kept last for this blob: *location is the caller's, or NULL. */
  void (*find)(struct sp_upload_memory *memory, const char *repository,
               const struct sp_digest *digest, uint64_t size_bytes, char **location,
               uint64_t *offset);
  /* The registry has the first `offset` bytes. Answers whether that is known from now on, also
   * after a kill, as far as the disk allows. */
  bool (*keep)(struct sp_upload_memory *memory, const char *repository,
               const struct sp_digest *digest, uint64_t size_bytes, uint64_t offset,
               const char *location);
  void (*forget)(struct sp_upload_memory *memory, const char *repository,
                 const struct sp_digest *digest);
};

/* Goes on with the session that is remembered, if its registry still has it and at least as much of
 * it as was kept: *offset is how much. The session is inherited then: never cancelled. False: there
 * is none, for whatever reason, and `upload` is without a session. One request, if any. */
bool sp_upload_resume(struct sp_repository *repository, const struct sp_digest *digest,
                      uint64_t size_bytes, struct sp_upload *upload, uint64_t *offset);
/* The registry has acknowledged so much. Answers whether that is remembered. */
bool sp_upload_keep(const struct sp_upload *upload, const struct sp_digest *digest,
                    uint64_t size_bytes, uint64_t offset);
/* It is finished, or of no use. */
void sp_upload_forget(const struct sp_upload *upload, const struct sp_digest *digest);

#endif
