/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: where this host's history (journal/) and the spool of archives are. Nothing
 * in it is truth: it may be lost without losing an image.
 *
 * It is ours alone: a directory of this user with mode 0700, so that names in it may be trusted as
 * far as its files can be (S31). Threads: any, as long as nobody changes the environment.
 */
#ifndef SP_BASE_STATE_DIR_H
#define SP_BASE_STATE_DIR_H

#include "safeport/err.h"

/* Finds its path: $SAFEPORT_STATE, $STATE_DIRECTORY (systemd.exec(5), StateDirectory=),
 * $XDG_STATE_HOME/safeport, $HOME/.local/state/safeport; for root without any of them, as services
 * are, /var/lib/safeport. Relative ones are ignored, except $SAFEPORT_STATE. `*path` is the
 * caller's. Fails: SP_E_USAGE (there is none of them); SP_E_NOMEM. */
SP_MUST_CHECK int sp_state_dir_find(char **path, struct sp_err *err);
/* Opens it, made with its parents where it is missing; what others could read is closed to them.
 * `*fd` is the caller's (O_DIRECTORY), for work below it (base/file.h).
 * Fails: SP_E_REFUSED  it is not ours, or others may write to it
 *        SP_E_IO       it cannot be made or opened, or is no directory */
SP_MUST_CHECK int sp_state_dir_open(const char *path, int *fd, struct sp_err *err);
/* Finds it, and opens the directory `name` in it, made where it is missing. Fails as both. */
SP_MUST_CHECK int sp_state_dir_open_below(const char *name, int *fd, struct sp_err *err);

#endif
