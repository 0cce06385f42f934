/* SPDX-License-Identifier: Apache-2.0 */
/* A Docker-compatible engine (dockerd, Docker Desktop, `podman system service`) as far as images
 * are concerned: look at one, stream it out, stream one in. Engine API 1.40 and later (moby
 * api/swagger.yaml), in the engine's own version.
 *
 * What streams is a tar as `docker save` writes it; what is in it is archive/'s matter. Not here:
 * running containers, and pushing by the engine itself.
 *
 * Life cycle: sp_engine_open, sp_engine_close after all streams of it were closed. Threads: any; a
 * stream belongs to one at a time.
 */
#ifndef SP_ENGINE_ENGINE_H
#define SP_ENGINE_ENGINE_H

#include "base/cancel.h"
#include "base/stream.h"
#include "engine/endpoint.h"
#include "engine/image.h"
#include "oci/platform.h"
#include "oci/reference.h"

struct sp_engine;

struct sp_engine_settings {
  const char *user_agent;         /* borrowed for the engine's life */
  int64_t idle_timeout_ms;        /* 0 = SP_STALL_TIMEOUT_MS */
  const struct sp_cancel *cancel; /* borrowed for the engine's life; NULL = never */
};

/* Talks to the engine at `endpoint` (copied) until it is known which version of the API both speak.
 * Fails: as sp_engine_call_answer; SP_E_UNSUPPORTED (it is older than 1.40); SP_E_PROTOCOL (no
 * engine). */
SP_MUST_CHECK int sp_engine_open(const struct sp_engine_settings *settings,
                                 const struct sp_endpoint *endpoint, struct sp_engine **out,
                                 struct sp_err *err);
/* NULL is nothing. */
void sp_engine_close(struct sp_engine *engine);

/* The platform whose containers it runs ("Get version"): that of its host, which may be another one
 * than ours. Fails: SP_E_PROTOCOL (it does not say), and as sp_engine_call_answer. */
SP_MUST_CHECK int sp_engine_get_platform(struct sp_engine *engine, struct sp_platform *out,
                                         struct sp_err *err);

/* Looks at the image that a reference names: with a repository by tag or digest, without one by its
 * ID (the digest). A name without a host that Docker Hub's namespace does not have is looked for
 * under "localhost/" as well, where podman puts what it builds.
 * Fails: SP_E_NOT_FOUND, with the names that are near; and as sp_engine_call_answer. */
SP_MUST_CHECK int sp_engine_find_image(struct sp_engine *engine, const struct sp_ref *ref,
                                       struct sp_engine_image *out, struct sp_err *err);

/* Opens the tar of an image ("Export an image"). By its ID, so that a name that moves in between
 * changes nothing. The engine writes all of it to its own disk before the first byte comes: the
 * wait for that grows with size_bytes (of the image; 0 if unknown). `*out` is the caller's.
 * Reading fails as sp_engine_call_read does, and with SP_E_SERVER if the engine broke off and said
 * why. */
SP_MUST_CHECK int sp_engine_save(struct sp_engine *engine, const struct sp_digest *id,
                                 uint64_t size_bytes, struct sp_input **out, struct sp_err *err);

/* Begins to load a tar ("Import images"). `finish` waits until the engine has unpacked it, and
 * answers its verdict. `*out` is the caller's; closed before it is finished, it leaves no image.
 * Writing and finishing fail as sp_engine_call_answer does; with SP_E_STORE_FULL (the engine has no
 * room), SP_E_INVALID (it refused the image and said why). */
SP_MUST_CHECK int sp_engine_load(struct sp_engine *engine, struct sp_output **out,
                                 struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_engine, sp_engine_close)
#define SP_AUTO_ENGINE SP_CLEANUP(sp_engine_close_auto_)

#endif
