/* SPDX-License-Identifier: Apache-2.0 */
/* Referrers at a destination that keeps no list of them: the index under the fallback tag (OCI
 * distribution-spec 1.1 "Referrers Tag Schema").
 */
#ifndef SP_TRANSFER_FALLBACK_H
#define SP_TRANSFER_FALLBACK_H

#include "transfer/run.h"

/* Sees to it that the referrers of every manifest of the image can be found at `place`, where all
 * manifests are by now. If the destination lists them itself nothing is written. Else its index
 * under the fallback tag gets the entries that it lacks; entries of others stay (read, merge,
 * write: not atomic, as the specification says). Where there is none yet and the source's own
 * index has exactly what was copied, that goes over as it is. Failures are noted with
 * sp_run_fail_place. Blocks until done. */
void sp_fallback_publish(struct sp_run *run, size_t place);

#endif
