/* SPDX-License-Identifier: Apache-2.0 */
/* What a run over the images of safeport.yaml stands on: the images, as the windows of sync/ and
 * verify/ want them; the state directory; the journal, with this run in it.
 *
 * Life cycle: sp_fleet_begin, the run, sp_fleet_end, sp_fleet_clear (also after a failed begin).
 * Threads: none of its own; the images may be opened by any.
 */
#ifndef SP_API_FLEET_H
#define SP_API_FLEET_H

#include "api/images.h"
#include "api/upload_book.h"
#include "journal/journal.h"
#include "sync/sync.h"

struct sp_fleet {
  struct sp_session *session; /* borrowed */
  struct sp_images *images;
  struct sp_journal *journal;
  struct sp_upload_book uploads; /* over the journal; the session uses it until the end */
  char *state_dir;               /* NULL: it cannot be used */
  int64_t run_id;                /* of journal/runs.h; 0: none was begun */
  enum sp_open_mode mode;        /* of the backups */
  int64_t began_s, began_ms;
  struct sp_err trouble; /* of the state directory or the journal */
};

/* Loads the file, opens the state, begins the run in the journal, and finds the images. A state
 * directory that cannot be used costs history, never images: the run goes on with a journal of its
 * own, and what the backups' records know. command   "sync": what the journal calls the run; NULL:
 * it only reads the journal; "": it is no run, and tells the journal what it learns Fails: as
 * sp_images_load and sp_images_choose. */
SP_MUST_CHECK int sp_fleet_begin(struct sp_fleet *fleet, struct sp_session *session,
                                 const struct sp_images_request *request, const char *command,
                                 enum sp_open_mode backups, struct sp_err *err);
/* The same for a run that needs no safeport.yaml: no images, and the usual state directory. Fails:
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_fleet_begin_bare(struct sp_fleet *fleet, struct sp_session *session,
                                      const char *command, const char *subject, struct sp_err *err);
/* The images, for struct sp_sync; borrows fleet. */
struct sp_sync_images sp_fleet_images(struct sp_fleet *fleet);
/* Of those: what the registry of a store said last about pulls, and what is kept in reserve. */
bool sp_fleet_pulls(const struct sp_fleet *fleet, const struct sp_store *store,
                    struct sp_pulls_said *out);
/* Ends a run that comes to nothing, because of *err; nothing where none was begun. Answers -1. */
int sp_fleet_fail(struct sp_fleet *fleet, const struct sp_err *err);
/* Ends the run in the journal and judges the state: trouble with the local disk goes to *of_run
 * unless that has something, and into *exit_status (7); other trouble is worth a warning. started
 * and seconds are those of the run. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_fleet_end(struct sp_fleet *fleet, struct sp_err *of_run, int *exit_status,
                               char started[32], double *seconds, struct sp_err *err);
void sp_fleet_clear(struct sp_fleet *fleet);

SP_DEFINE_AUTO_CLEAR(struct sp_fleet, sp_fleet_clear)

#endif
