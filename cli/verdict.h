/* SPDX-License-Identifier: Apache-2.0 */
/* How it went at one place, in a word: for the text on stdout and for the table of a CI run, which
 * must not differ. Pure. */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include "cli/terminal.h"
#include "safeport/report.h"

struct verdict {
  enum terminal_color color; /* COLOR_GOOD, COLOR_BAD; COLOR_NONE: neither */
  const char *text;          /* N_ */
};
struct verdict verdict_of(const struct sp_report *report, const struct sp_report_place *place);

/* Is there a tag of which this is so? */
bool verdict_has_tag(const struct sp_report_place *place, enum sp_tag_result result);
/* Does every tag asked for name the whole image there? (Of a verification: is it whole?) */
bool verdict_is_good(const struct sp_report *report, const struct sp_report_place *place);
/* What became of a tag: "set", "was right already" (N_). */
const char *verdict_tag_text(enum sp_tag_result result);
/* A level of proof as people read it: the names of levels are the same in every language, "none" is
 * a word of theirs. */
const char *verdict_proof(const char *proof);

#endif
