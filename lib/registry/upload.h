/* SPDX-License-Identifier: Apache-2.0 */
/* One upload session: opened by POST (or left by an earlier writer, upload_memory.h), followed by
 * its newest Location, closed by a PUT with the digest (by whoever sends the bytes) or cancelled
 * (upload_cancel.h). OCI distribution-spec 1.1 "Pushing blobs".
 *
 * A Location is opaque: resolved, checked (sp_http_site_check_upload), used as it is, never
 * rebuilt.
 */
#ifndef SP_REGISTRY_UPLOAD_H
#define SP_REGISTRY_UPLOAD_H

#include "registry/repository.h"

struct sp_upload {
  struct sp_repository *repository; /* borrowed */
  struct sp_url location;           /* the newest; target NULL = no session */
  uint64_t chunk_min_bytes;         /* OCI-Chunk-Min-Length; 0 if it did not say */
  bool is_inherited;                /* not opened by us: never cancelled */
};

/* Opens a session. Fails: SP_E_REFUSED (a Location that may not be used), and like an answer. */
SP_MUST_CHECK int sp_upload_begin(struct sp_repository *repository, struct sp_upload *upload,
                                  struct sp_err *err);
/* Takes over the Location of an answer; without one the old one stays, which is SP_E_PROTOCOL if
 * there is none. */
SP_MUST_CHECK int sp_upload_follow(struct sp_upload *upload,
                                   const struct sp_http_response *response, struct sp_err *err);
/* Asks the registry how many bytes of the upload it has (from the first on), and follows a newer
 * Location. Fails: SP_E_SERVER (it does not say), and like an answer: the session may be gone. */
SP_MUST_CHECK int sp_upload_ask(struct sp_upload *upload, uint64_t *has, struct sp_err *err);
/* The URL of the PUT that closes it. `out` is the caller's. */
SP_MUST_CHECK int sp_upload_closing_url(const struct sp_upload *upload,
                                        const struct sp_digest *digest, struct sp_url *out,
                                        struct sp_err *err);
/* Was the closing PUT accepted, and as this digest? Then the session is over. */
SP_MUST_CHECK int sp_upload_check_closed(struct sp_upload *upload,
                                         const struct sp_http_response *response,
                                         const struct sp_digest *digest, struct sp_err *err);
/* Frees; does not cancel. */
void sp_upload_clear(struct sp_upload *upload);

SP_DEFINE_AUTO_CLEAR(struct sp_upload, sp_upload_clear)
#define SP_AUTO_UPLOAD SP_CLEANUP(sp_upload_clear_auto_)

#endif
