/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a run over many images (sync, restore, verify of names, status): it is told image
 * by image, as each ends, in memory that does not grow with their number. As JSON it is one
 * document
 *
 *   {"schema": 1, "kind": KIND, "images": [IMAGE, ...], "totals": TOTALS}
 *
 * on stdout, and a file of the CI system's; errors go to stderr, and the CI system gets a table and
 * outputs (ci_result.h). Progress is taken from the screen while something is printed.
 *
 * Not here: what is said of an image (sync_output.h, verify_output.h, status_output.h).
 * Life cycle: init; for each image what there is to say, then series_image_done; series_end or
 * series_fail; clear. Threads: one at a time.
 */
#ifndef CLI_SERIES_H
#define CLI_SERIES_H

#include <stdio.h>

#include "cli/ci_result.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "safeport/images.h"

struct series_settings {
  const char *command; /* "sync" */
  const char *kind;    /* in the JSON document */
  struct progress *progress;
  FILE *to;  /* NULL: stdout */
  bool json; /* --json */
  bool tells_ci;
};

struct series {
  struct series_settings settings;
  struct ci_result ci;
  char sums[1024]; /* the last line; see series_sum */
  uint64_t images; /* that are done */
  bool is_begun;   /* the JSON document is */
};

void series_init(struct series *series, const struct series_settings *settings);
void series_clear(struct series *series);

/* -- of an image. A row of the CI system's table has four cells: image, place, result, tags. */

/* Before something is printed. */
void series_make_room(struct series *series);
/* Whether there is a JSON document to write, on stdout or for the CI system. */
bool series_wants_json(const struct series *series);
/* Adds the image to it. */
void series_add_json(struct series *series, const char *text);
/* Says an error; nothing if its code is SP_OK. */
void series_error(struct series *series, const struct sp_err *err);
/* What the result says already, and a CI system is to be told besides: as an annotation, and as an
 * entry of its list. */
enum series_level { SERIES_ERROR, SERIES_WARNING };
void series_finding(struct series *series, enum series_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void series_image_done(struct series *series);

/* -- at the end */

/* Adds to the last line of the text, which the CI system's summary begins with. */
void series_sum(struct series *series, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Ends the result; answers the exit status of the program.
 *   err      borrowed   of the whole run; code SP_OK if there was none
 *   totals   borrowed   as JSON; its numbers are outputs of the CI system's. NULL: no memory */
int series_end(struct series *series, int exit_status, const struct sp_err *err,
               const char *totals);
/* Ends it where there are no totals. */
int series_fail(struct series *series, const struct sp_err *err);

/* The images that the operands name, of that safeport.yaml (NULL: found as usual); what is wrong
 * with it is said on stderr. Borrows line. */
struct sp_wanted_images series_images(const char *config, const struct command_line *line);

SP_DEFINE_AUTO_CLEAR(struct series, series_clear)

#endif
