/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a session (safeport/session.h): what the jobs of this layer need of it.
 *
 * Opening a place is here because it is where names (oci/place.h) and stores meet: which store,
 * with which settings, in which wrappers. The network is not touched, and libcurl not started,
 * before the first registry is opened.
 *
 * Threads: any.
 */
#ifndef SP_API_SESSION_H
#define SP_API_SESSION_H

#include "archive/compression.h"
#include "base/cancel.h"
#include "config/config.h"
#include "oci/place.h"
#include "oci/platform.h"
#include "registry/registry.h"
#include "safeport/session.h"
#include "store/retry.h"
#include "store/store.h"

enum sp_open_mode {
  SP_OPEN_READ,  /* must exist; every write is refused below the job (store/readonly.h) */
  SP_OPEN_WRITE, /* made if missing */
  SP_OPEN_PLAN,  /* as READ, but a local place that does not exist yet is an empty one */
};

struct sp_opened {
  struct sp_store *store;    /* owned: as the jobs use it, in its wrappers */
  struct sp_store *registry; /* borrowed: the registry's own store inside, NULL for other places */
};
void sp_opened_clear(struct sp_opened *opened);

/* Opens. A registry is not spoken to yet. Fails: SP_E_NOT_FOUND, SP_E_INVALID, SP_E_IO (layouts and
 * the vault); SP_E_USAGE (no vault root can be found); SP_E_REFUSED; SP_E_NOMEM. */
SP_MUST_CHECK int sp_session_open_place(struct sp_session *session, const struct sp_place *place,
                                        enum sp_open_mode mode, struct sp_opened *out,
                                        struct sp_err *err);
/* The same, except that a place that cannot be opened becomes a store that fails with the reason
 * (api/broken.h). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_session_open_or_broken(struct sp_session *session,
                                            const struct sp_place *place, enum sp_open_mode mode,
                                            struct sp_opened *out, struct sp_err *err);

/* The session's registries, which know what the user said of this host; borrowed for its life. */
SP_MUST_CHECK int sp_session_registries(struct sp_session *session, const char *host,
                                        struct sp_registries **out, struct sp_err *err);

/* Where uploads are remembered from now on (registry/upload_memory.h; borrowed); NULL: nowhere. Not
 * while a place is open. */
void sp_session_remember_uploads(struct sp_session *session, struct sp_upload_memory *memory);

/* Adds what a safeport.yaml says of registries and of the vault, where nothing was said by flags.
 * Before the first place is opened. Nothing is borrowed afterwards. Fails: SP_E_USAGE, SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_session_use_config(struct sp_session *session, const struct sp_config *config,
                                        struct sp_err *err);

/* What a job wants of its source beyond its name; NULL or zeroed: nothing. */
struct sp_source_wishes {
  const struct sp_platform *platform; /* NULL: the whole image. Matters where a place has a part of
                                         an index (archive/archive.h) */
  struct sp_compression compression;  /* of layers that come uncompressed */
};
/* Opens a place to be read, as sp_session_open_place. Layers that come uncompressed are compressed
 * when the image is resolved. Fails: as sp_session_open_place; SP_E_LIMIT. */
SP_MUST_CHECK int sp_session_open_source(struct sp_session *session, const struct sp_place *place,
                                         const struct sp_source_wishes *wishes,
                                         struct sp_opened *out, struct sp_err *err);
/* The same as sp_session_open_or_broken is. */
SP_MUST_CHECK int sp_session_open_source_or_broken(struct sp_session *session,
                                                   const struct sp_place *place,
                                                   const struct sp_source_wishes *wishes,
                                                   struct sp_opened *out, struct sp_err *err);

/* For loops of the jobs. Borrowed for the session's life. */
const struct sp_cancel *sp_session_cancel(const struct sp_session *session);
struct sp_retry_policy sp_session_retry(const struct sp_session *session);

SP_DEFINE_AUTO_CLEAR(struct sp_opened, sp_opened_clear)
#define SP_AUTO_OPENED SP_CLEANUP(sp_opened_clear_auto_)

#endif
