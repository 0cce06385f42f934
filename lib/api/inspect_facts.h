/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the document of `inspect` (safeport/inspect.h), each made of what was read. Pure. */
#ifndef SP_API_INSPECT_FACTS_H
#define SP_API_INSPECT_FACTS_H

#include "oci/manifest.h"
#include "store/store.h"
#include "transfer/referrers.h"

/* All answer objects or arrays that are the caller's, or NULL if there is no memory. */

json_t *sp_inspect_annotations(struct sp_span manifest);
/* IMAGE, its config's content still null. */
json_t *sp_inspect_image(const struct sp_manifest_bytes *bytes, const struct sp_manifest *manifest);
/* The entries of an index, their images still null. */
json_t *sp_inspect_platforms(const struct sp_manifest_bytes *bytes,
                             const struct sp_manifest *index);
/* {"code", "message"} */
json_t *sp_inspect_problem(const struct sp_err *err);
/* Appends what belongs to `subject` to the two lists. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_inspect_add_company(const struct sp_digest *subject,
                                         const struct sp_company *company, json_t *referrers,
                                         json_t *cosign, struct sp_err *err);

#endif
