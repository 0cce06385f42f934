/* SPDX-License-Identifier: Apache-2.0 */
/* Proof: what was really seen of an image at a destination (DESIGN.md "Levels of proof"). */
#ifndef SP_TRANSFER_PROVE_H
#define SP_TRANSFER_PROVE_H

#include "transfer/run.h"

/* A blob last seen longer ago than this is touched again before tags move: a registry's garbage
 * collection may have run in between (fault 37). */
#define SP_PROVE_MAX_AGE_MS 60000

/* Brings every blob at every open destination to TOUCHED at least: touches again what was last seen
 * more than SP_PROVE_MAX_AGE_MS before now_ms, and reads to the end what a store could only claim,
 * what is in doubt, or, at a destination that wants it (read_back), every blob.
 * A blob that is gone or bad asks for another round (sp_run_want_again); one in doubt that is bad
 * fails its destination. Blocks until done. */
void sp_prove_refresh(struct sp_run *run, int64_t now_ms);
/* The level reached for the whole image at a place: the least of all its parts. Pure. */
enum sp_proof sp_prove_level(const struct sp_image *image, const struct sp_place_facts *place);

#endif
