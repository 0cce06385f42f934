/* SPDX-License-Identifier: Apache-2.0 */
/* The error body of a registry (OCI distribution-spec 1.1 "Error Codes"):
 * `{"errors":[{"code","message","detail"}]}`, and what others send in its place
 * (`{"details":"..."}`, `{"message":"..."}`, text, HTML). */
#ifndef SP_OCI_ERRORS_H
#define SP_OCI_ERRORS_H

#include "base/span.h"

#define SP_OCI_ERROR_CODE_MAX 64
#define SP_OCI_ERROR_TEXT_MAX 512

struct sp_oci_error {
  char code[SP_OCI_ERROR_CODE_MAX]; /* "MANIFEST_UNKNOWN"; unknown codes as they came; "" if there
                                       was none */
  char text[SP_OCI_ERROR_TEXT_MAX]; /* "code: message" or what could be made of the body, escaped
                                       and cut; may be "" */
};

/* Reads the body. Cannot fail: anything gives some text. */
void sp_oci_error_parse(struct sp_span body, struct sp_oci_error *out);

#endif
