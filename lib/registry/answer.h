/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that is not the one hoped for -> an error: what was answered, what it means, what to
 * do. Text from the server is escaped, cut and free of secrets. Threads: any. */
#ifndef SP_REGISTRY_ANSWER_H
#define SP_REGISTRY_ANSWER_H

#include "http/client.h"

enum sp_answer_to {
  SP_ANSWER_TO_READ,
  SP_ANSWER_TO_WRITE,    /* of a blob */
  SP_ANSWER_TO_MANIFEST, /* PUT of a manifest or tag */
};

/* Raises, always -1. SP_E_NOT_FOUND (404), SP_E_AUTH (401, 403), SP_E_BLOB_UNKNOWN (a manifest
 * whose parts are missing), SP_E_UNSUPPORTED (405), SP_E_THROTTLED (429, with retry_after_ms),
 * SP_E_STORE_FULL (507, or 5xx with its text), SP_E_SERVER (other 5xx; an upload session that was
 * lost), SP_E_NETWORK (408), SP_E_LIMIT (413), SP_E_PROTOCOL (anything else). host: as in
 * references. */
int sp_answer_fail(const char *host, enum sp_answer_to to, const struct sp_http_response *response,
                   struct sp_err *err);
/* The same for the answer of a token server: nothing there is "not found". */
int sp_answer_fail_token(const char *host, const struct sp_http_response *response,
                         struct sp_err *err);

#endif
