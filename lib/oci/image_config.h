/* SPDX-License-Identifier: Apache-2.0 */
/* The config of an image, read for people: what is in it, never what is done with it (OCI
 * image-spec config.md; docker's application/vnd.docker.container.image.v1+json has the same
 * members).
 *
 * The facts come as a JSON object of our own making: it is a part of the document of `inspect`, and
 * nothing else reads it. Pure.
 */
#ifndef SP_OCI_IMAGE_CONFIG_H
#define SP_OCI_IMAGE_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "base/span.h"
#include "safeport/err.h"

/* Is this the media type of such a config? (Artifacts have configs of any kind.) */
bool sp_image_config_is_type(struct sp_span media_type);

/* Reads one. `*out` is the caller's (json_decref):
 *
 *   {"created", "author", "platform", "user", "working_dir", "stop_signal": text or null,
 *    "entrypoint", "cmd", "env", "exposed_ports", "volumes", "diff_ids": [text],
 *    "labels": {name: text},
 *    "history": [{"created", "created_by", "comment": text or null, "empty_layer": bool}]}
 *
 * A member that is missing is null or empty; unknown ones are left out.
 * Fails: SP_E_INVALID (not JSON, or a member of the wrong type), SP_E_NOMEM. */
SP_MUST_CHECK int sp_image_config_read(struct sp_span bytes, json_t **out, struct sp_err *err);

#endif
