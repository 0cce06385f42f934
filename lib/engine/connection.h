/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an engine (engine.h), as its streams see it. Private to engine/. */
#ifndef SP_ENGINE_CONNECTION_H
#define SP_ENGINE_CONNECTION_H

#include "engine/call.h"
#include "engine/engine.h"

#define SP_ENGINE_VERSION_MAX 8 /* "1.52" */

/* Constant after sp_engine_open. */
struct sp_engine {
  struct sp_endpoint endpoint;
  struct sp_engine_link link; /* to `endpoint` */
  char version[SP_ENGINE_VERSION_MAX];
};

/* How long an engine may take to pack or unpack so many bytes. */
int64_t sp_engine_patience_ms(uint64_t size_bytes);

/* An answer that is no success: its status and what its body says. Raises SP_E_NOT_FOUND for 404,
 * SP_E_AUTH for 401 and 403, SP_E_STORE_FULL for an engine without room, SP_E_SERVER for 5xx,
 * SP_E_USAGE for one that wants TLS, else SP_E_PROTOCOL. Always answers -1. */
int sp_engine_refusal(struct sp_engine_call *call, int status, struct sp_err *err);

#endif
