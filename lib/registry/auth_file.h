/* SPDX-License-Identifier: Apache-2.0 */
/* Where docker and podman keep credentials in files: which files, in which order, and reading them.
 *
 *   $REGISTRY_AUTH_FILE, and no other file, if it is set; else
 *   docker's config.json      $DOCKER_CONFIG/config.json or ~/.docker/config.json
 *   podman's auth.json        $XDG_RUNTIME_DIR/containers/auth.json, or, without that directory's
 *                             variable, /run/containers/UID/auth.json; then
 *                             $XDG_CONFIG_HOME/containers/auth.json or ~/.config/containers/...
 *
 * The first is the one that login writes. podman itself asks its own files before ~/.docker; here
 * docker's comes first, so that what login wrote is what is used.
 *
 * Not here: what is in them (docker_config.h). Threads: any.
 */
#ifndef SP_REGISTRY_AUTH_FILE_H
#define SP_REGISTRY_AUTH_FILE_H

#include <stdbool.h>

#include "base/buf.h"

#define SP_AUTH_FILES_MAX 3

struct sp_auth_files {
  struct {
    char *path;
    const char *source; /* for messages; static */
  } items[SP_AUTH_FILES_MAX];
  size_t count; /* 0: there is no home */
};

/* only: NULL, or the path that --authfile gave: then it is the only one. */
SP_MUST_CHECK int sp_auth_files_init(struct sp_auth_files *files, const char *only,
                                     struct sp_err *err);
void sp_auth_files_clear(struct sp_auth_files *files);

/* Appends the file's bytes to `out` (made with SP_MAX_CONFIG_FILE_BYTES and as a secret). Links are
 * followed: people keep such files elsewhere. *found false: there is no such file.
 * Fails: SP_E_AUTH, naming the path. */
SP_MUST_CHECK int sp_auth_file_read(const char *path, struct sp_buf *out, bool *found,
                                    struct sp_err *err);
/* Puts "cannot use the credentials in 'path'" in front, and makes it SP_E_AUTH. Always -1. */
int sp_auth_file_fail(const char *path, const struct sp_err *why, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_auth_files, sp_auth_files_clear)
#define SP_AUTO_AUTH_FILES SP_CLEANUP(sp_auth_files_clear_auto_)

#endif
