/* SPDX-License-Identifier: Apache-2.0 */
/* The writing end of a blob for registries that take no large bodies: PATCH by PATCH, each chunk
 * held in memory until it was accepted. OCI distribution-spec 1.1 "Pushing a blob in chunks".
 *
 * An end that blocks. After a lost connection or a 416 the registry is asked once per chunk what it
 * has, and the rest of the chunk is sent again. What it has acknowledged is remembered, if the
 * registry's uploads are (upload_memory.h): a writer that is closed before its end leaves its
 * session open then, and the next one for the same blob goes on with it.
 */
#ifndef SP_REGISTRY_CHUNK_WRITER_H
#define SP_REGISTRY_CHUNK_WRITER_H

#include "registry/repository.h"

/* Goes on with a session, or opens one. Fails: SP_E_UNSUPPORTED (the registry wants chunks of more
 * than 64 MiB), and like sp_upload_begin. */
SP_MUST_CHECK int sp_chunk_writer_open(struct sp_repository *repository,
                                       const struct sp_digest *digest, uint64_t size_bytes,
                                       struct sp_writer **out, struct sp_err *err);

#endif
