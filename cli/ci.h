/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on stderr as the CI system wants them that we run under: workflow commands of GitHub
 * Actions, collapsible sections of GitLab, plain lines elsewhere.
 *
 * stdout belongs to the result: nothing here writes there. Secrets are never printed, not even to
 * mask them. Not here: files (ci_result.h). Threads: any, one at a time.
 */
#ifndef CLI_CI_H
#define CLI_CI_H

enum ci_system { CI_NONE, CI_GITHUB, CI_GITLAB };
/* Which one this is: $GITHUB_ACTIONS or $GITLAB_CI says "true". */
enum ci_system ci_system(void);

/* An error, or a warning, as one line: "safeport: MESSAGE", or an annotation that GitHub shows on
 * the page of the run. The message is escaped here. GitHub shows no more than ten of a kind for a
 * step: what comes after nine is a line of the log only. */
void ci_print_error(const char *message);
void ci_print_warning(const char *message);
/* The same of a format that is translated already. */
__attribute__((format(printf, 1, 2))) void ci_print_warningf(const char *fmt, ...);
/* The same for what the result on stdout says already: an annotation, and nothing elsewhere. */
void ci_annotate_error(const char *message);
void ci_annotate_warning(const char *message);
/* Says, at the end, how many there were that are no annotations. */
void ci_print_left_out(void);

/* Begins a part of the log that is folded away (GitHub, GitLab; nothing elsewhere), unless one is
 * open already. command: "push". */
void ci_section_begin(const char *command);
/* Ends it, if one is open. */
void ci_section_end(void);

#endif
