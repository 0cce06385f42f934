/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up an upload session. OCI distribution-spec (after 1.1) "Cancelling a blob upload". */
#ifndef SP_REGISTRY_UPLOAD_CANCEL_H
#define SP_REGISTRY_UPLOAD_CANCEL_H

#include "registry/upload.h"

/* Asks the registry to forget the session, if there is one that we opened; failures do not matter.
 * The only request of this layer that takes something away, and it knows only its own session's
 * URL. tools/check-layers holds it to this file. */
void sp_upload_cancel(struct sp_upload *upload);

#endif
