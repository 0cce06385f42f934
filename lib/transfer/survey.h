/* SPDX-License-Identifier: Apache-2.0 */
/* The survey: asks every destination what it has of the image. Only reads.
 *
 * Blobs are touched (their last byte is fetched), manifests and tags asked for by HEAD.
 */
#ifndef SP_TRANSFER_SURVEY_H
#define SP_TRANSFER_SURVEY_H

#include "transfer/run.h"

/* Fills run->facts, which must be made for run->image. A destination that cannot be asked fails
 * (sp_run_fail_place), the others go on. Blocks until all are known. */
void sp_survey_run(struct sp_run *run);
/* Touches one blob now and notes what was found. Fails with what the store failed with, unless that
 * is an answer about the blob (damaged). */
SP_MUST_CHECK int sp_survey_touch(struct sp_store *store, const struct sp_image_blob *blob,
                                  struct sp_blob_fact *fact, struct sp_err *err);

#endif
