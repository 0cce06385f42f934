/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at every copy of every site: its manifests, then its blobs, each of them once. All damage
 * is found, not the first. Only reads. */
#ifndef SP_VERIFY_PROVE_H
#define SP_VERIFY_PROVE_H

#include "verify/check.h"

/* All of it, at the level that was asked for; what is known to have wrong bytes at level read. What
 * is found goes into the copies and blobs; a place that cannot be asked is out. A blob that was
 * read and is good is told to the journal at once. */
void sp_prove_run(struct sp_check *check);
/* Looks at one copy again (after a repair); its blobs that are not known to be good are read. */
void sp_prove_again(struct sp_check *check, struct sp_site *site, struct sp_copy *copy);

#endif
