/* SPDX-License-Identifier: Apache-2.0 */
/* Building a report (safeport/report.h) and reading its exit status out of it.
 *
 * The public header has the facts, freeing and --json (report_json.c). Threads: none of its own;
 * jobs hold their lock while they add.
 */
#ifndef SP_TRANSFER_REPORT_H
#define SP_TRANSFER_REPORT_H

#include "oci/digest.h"
#include "safeport/report.h"

/* What a damage entry can say: keys of --json, which the CLI translates where it prints them. Those
 * from WRONG on mean that wrong bytes were seen (exit 5). */
#define SP_FINDING_MISSING "missing"
#define SP_FINDING_DIFFERENT "different" /* the two sides of a verify name different images */
#define SP_FINDING_SHORT "short"
#define SP_FINDING_WRONG "wrong bytes"
#define SP_FINDING_KEPT_BAD "kept bad in spite of a new upload"

/* A report with place_count places of these names (copied). `*out` is the caller's
 * (sp_report_free). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_report_new(enum sp_report_kind kind, const char *source,
                                const char *const *names, size_t place_count,
                                struct sp_report **out, struct sp_err *err);

/* Adds a line worth telling (a message, translated as those of sp_fail); equal lines are told once.
 * Without memory the line is lost: it carries no fact that the exit status needs. */
void sp_report_add_note(struct sp_report *report, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds the note that the place sent wrong bytes once, and the right ones the second time (F14). */
void sp_report_note_flaky(struct sp_report *report, const char *place);
/* Adds a finding (`what` and `finding` are copied). The same digest, thing and finding is added
 * once. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_report_add_damage(struct sp_report_place *place,
                                       const struct sp_digest *digest, const char *what,
                                       const char *finding, struct sp_err *err);
/* The same, and that it hurts this tag: each finding is added once, with its tags
 * (sp_text_append_name). Beyond SP_REPORT_DAMAGE_MAX of the place they are counted only. */
#define SP_REPORT_TAGS_MAX_BYTES 256 /* of the list of tags of one finding */
SP_MUST_CHECK int sp_report_add_damage_of(struct sp_report_place *place,
                                          const struct sp_digest *digest, const char *what,
                                          const char *finding, const char *tag, struct sp_err *err);
/* Does the finding say that wrong bytes were seen? */
bool sp_report_is_wrong_bytes(const char *finding);
/* Adds a tag that was not set yet, of which nothing is known. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_report_add_tag(struct sp_report_place *place, const char *name,
                                    struct sp_err *err);
/* Notes what the tag named before; alg NONE means that it was not there. */
SP_MUST_CHECK int sp_report_set_before(struct sp_report_tag *tag, const struct sp_digest *digest,
                                       struct sp_err *err);

/* Was everything that was asked of this place done? */
bool sp_report_is_place_done(const struct sp_report_place *place);
/* Of many images together: the exit status that a failure asks for, as bit N for status N; 0 if
 * there was none, or if it was the wish to stop. What is only throttled goes on later: that is "not
 * all of it" (1), no store that is down. */
unsigned sp_exit_class(const struct sp_err *err);
/* And what they come to (DESIGN.md "Exit status"). of_run: what failed as a whole, or SP_OK. */
int sp_exit_status_of(const struct sp_err *of_run, unsigned classes, bool has_success);
/* The exit status (DESIGN.md "Exit status") of a finished report: a pure function. */
int sp_report_exit_status(const struct sp_report *report);

SP_DEFINE_AUTO_FREE(struct sp_report, sp_report_free)

#endif
