/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a job's report: what this layer puts around the work of
 * transfer/job.h. The report itself is transfer/report.h. Threads: none of its own. */
#ifndef SP_API_JOB_REPORT_H
#define SP_API_JOB_REPORT_H

#include "api/session.h"
#include "base/scope.h"
#include "oci/place.h"
#include "store/pull_reserve.h"
#include "transfer/report.h"

/* A place of a report, all borrowed. */
struct sp_job_place {
  const struct sp_place *place;
  const char *tag; /* under which the image is there; NULL: as `place` says */
};
/* A report with its kind, source and time of beginning, and places named like these. `*out` is the
 * caller's. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_job_report_begin(enum sp_report_kind kind, const char *source,
                                      const struct sp_job_place *places, size_t place_count,
                                      struct sp_report **out, struct sp_err *err);
/* Writes down the pulls that a registry has left, and how many of them we leave to others, if it
 * ever said. */
void sp_job_report_add_pulls(struct sp_report_place *place, const struct sp_opened *opened);
/* When it goes on, if something failed for want of pulls. */
void sp_job_report_add_reserve(struct sp_report *report, struct sp_pull_reserve *reserve);
/* Duration and exit status. */
void sp_job_report_end(struct sp_report *report);

#endif
