/* SPDX-License-Identifier: Apache-2.0 */
/* safeport.yaml, understood: every value typed and checked, every default filled in.
 *
 * Not here: reading YAML (yaml.h), the table of keys (schema.h), printing (print.h); and nothing is
 * opened: places are names. The disk is asked only where the links of directories lead, to see
 * whether two places are one (oci/place_key.h).
 *
 * Paths (`ca`, `vault`, `state`, `oci:DIR`) are relative to the directory of the file. A value
 * written `$NAME` is that variable's, looked up once, when the file is read; one that is unset
 * stays unset, and is a complaint only when its value is needed (sp_config_need*).
 *
 * Life cycle: sp_config_load or sp_config_parse, sp_config_free. Threads: read-only once made.
 */
#ifndef SP_CONFIG_CONFIG_H
#define SP_CONFIG_CONFIG_H

#include "base/secret.h"
#include "config/complaint.h"
#include "oci/place.h"
#include "policy/selection.h"

/* Where in the file something stands; line 0 = nowhere (a default). */
struct sp_config_at {
  unsigned line, column; /* from 1; the column counts characters */
};

/* A text that may come from a variable. */
struct sp_config_text {
  char *text;     /* the value; NULL if it was not given, or its variable is unset */
  char *variable; /* its name, where `$NAME` was written; NULL else */
  struct sp_config_at at;
};
/* The same for a secret. */
struct sp_config_secret {
  struct sp_secret secret; /* empty if it was not given, or its variable is unset */
  char *variable;
  struct sp_config_at at;
};

/* A place as written, checked, with its directory made absolute. */
struct sp_config_place {
  char *text; /* "ghcr.io/acme/app", "ghcr.io/acme/[*]" (without brackets), "vault:app",
                 "docker.io/acme/{repo}" */
  struct sp_config_at at;
};
struct sp_config_places {
  struct sp_config_place *items;
  size_t count;
};
struct sp_config_names {
  char **items;
  size_t count;
};

/* Retention; read and checked here, used by prune. The meanings are those of DESIGN.md. */
struct sp_config_keep {
  bool is_given; /* false: nothing may be pruned */
  struct sp_pattern_list candidates;
  struct sp_pattern_list always;
  uint32_t last, daily, weekly, monthly; /* 0 = no such rule */
  int64_t within_s;                      /* 0 = no such rule */
  uint32_t min_copies;
  uint32_t max_delete_percent, max_delete_count; /* of one run; both hold */
  int64_t grace_s;
};

struct sp_config_image {
  char *name; /* the key: [a-z0-9._-]; a bare word of the command line */
  struct sp_config_at at;
  struct sp_config_place primary;
  struct sp_config_places backups;     /* 1 to SP_MAX_DESTINATIONS */
  struct sp_config_names repositories; /* of a namespace, where it was given as a list */
  struct sp_selection tags;
  struct sp_config_keep keep;
  bool referrers;
  int64_t referrers_every_s;
  uint32_t keep_history;
  bool has_fixed; /* `fixed` was given; else sp_tag_is_fixed(NULL, ...) */
  struct sp_pattern_list fixed;
  bool required; /* status: out of step counts */
};

struct sp_config_token {
  int64_t created_s;      /* unix time of that day's beginning (UTC); -1 = not given */
  int64_t rotate_after_s; /* 0 = not given */
};

struct sp_config_registry {
  char *host; /* the key, as in references ("docker.io", "127.0.0.1:5000") */
  struct sp_config_at at;
  struct sp_config_text username;
  struct sp_config_secret password;
  struct sp_config_text ca; /* absolute path */
  bool insecure;
  struct sp_config_names token_hosts, upload_hosts;
  uint64_t chunked_bytes;        /* 0 = whole */
  uint32_t pull_reserve_percent; /* of the pull limit, never used up */
  struct sp_config_token token;
};

struct sp_config_schedule { /* for serve; 0 = never */
  bool is_given;
  int64_t sync_s, verify_s, doctor_s;
  struct {
    int64_t every_s;
    uint32_t percent;
  } verify_read;
};

struct sp_config {
  char *path; /* of the file, as it was found */
  uint32_t version;
  struct sp_config_image *images; /* in the order of the file */
  size_t image_count;
  struct sp_config_registry *registries;
  size_t registry_count;
  struct sp_config_schedule schedule;
  struct {
    bool is_given;
    struct sp_config_secret webhook; /* an URL often holds a token */
  } notify;
  bool record;
  struct sp_config_text state; /* directory of the journal; absolute; not given = the default */
  struct sp_config_text vault; /* root of the vault; the same */
  int64_t max_proof_age_s;
  uint32_t max_loss_percent; /* a larger share of lost images ends a sync with 6 */
  uint32_t jobs;             /* images at work at once */
};

/* Which file: `option` (--config) if not NULL; else $SAFEPORT_CONFIG; else the first there is of
 * ./safeport.yaml, $XDG_CONFIG_HOME/safeport/safeport.yaml (~/.config),
 * /etc/safeport/safeport.yaml.
 * `*path` is the caller's. Fails: SP_E_USAGE: none of them is there (the message names them). A
 * file that was named by the option or the variable is not looked at here. */
SP_MUST_CHECK int sp_config_find(const char *option, char **path, struct sp_err *err);

/* Reads a file. All its mistakes are gathered in `complaints` (initialised by the caller), up to
 * SP_MAX_COMPLAINTS.
 * Fails: SP_E_USAGE  it has mistakes: complaints->count > 0; or there is no such file
 *        SP_E_IO, SP_E_NOMEM, SP_E_LIMIT */
SP_MUST_CHECK int sp_config_load(const char *path, struct sp_config **out,
                                 struct sp_complaints *complaints, struct sp_err *err);
/* The same from bytes; `path` is only a name, and the base of relative paths. */
SP_MUST_CHECK int sp_config_parse(const char *path, struct sp_span yaml, struct sp_config **out,
                                  struct sp_complaints *complaints, struct sp_err *err);
/* NULL is nothing. */
void sp_config_free(struct sp_config *config);

/* The image of that name, borrowed. Fails: SP_E_USAGE, with the nearest name, or all where they are
 * few. */
SP_MUST_CHECK int sp_config_image(const struct sp_config *config, const char *name,
                                  const struct sp_config_image **out, struct sp_err *err);
/* What is said about a registry ("ghcr.io"), borrowed; NULL if nothing is. */
const struct sp_config_registry *sp_config_registry(const struct sp_config *config,
                                                    const char *host);

/* The value, borrowed; NULL if it was not given. Fails: SP_E_USAGE with file, line and column if
 * its variable is unset or empty. `what` is its key, for the message. */
SP_MUST_CHECK int sp_config_need(const struct sp_config *config, const struct sp_config_text *value,
                                 const char *what, const char **out, struct sp_err *err);
SP_MUST_CHECK int sp_config_need_secret(const struct sp_config *config,
                                        const struct sp_config_secret *value, const char *what,
                                        const struct sp_secret **out, struct sp_err *err);

/* Adds a complaint for each variable that is unset or empty, in the order of the file. */
void sp_config_find_unset(const struct sp_config *config, struct sp_complaints *complaints);

/* The keys that the file gives and nothing here uses yet, for they belong to commands that are not
 * there: static strings; answers how many. Who relies on one must be told. */
#define SP_CONFIG_IDLE_MAX 4
size_t sp_config_idle_keys(const struct sp_config *config, const char *out[SP_CONFIG_IDLE_MAX]);
/* "keep, notify"; "" if there is none. */
#define SP_CONFIG_IDLE_TEXT_MAX 64
void sp_config_format_idle_keys(const struct sp_config *config, char out[SP_CONFIG_IDLE_TEXT_MAX]);

/* -- places of an image */

/* Is the primary a whole namespace ("ghcr.io/acme/[*]")? */
bool sp_config_is_namespace(const struct sp_config_image *image);
/* The host and the path in front of the star of a namespace ("ghcr.io", "acme"; the path is "" for
 * a whole registry); for a listing of its repositories, where image->repositories is empty. */
void sp_config_namespace(const struct sp_config_image *image, char host[SP_MAX_HOST + 1],
                         char path[SP_MAX_REPOSITORY + 1]);
/* The place of the primary or of a backup. For a namespace `repo` is the repository's name below it
 * ("app", "team/web"); it takes the place of the star, and of `{repo}` in a backup, where its
 * slashes become '-' on docker.io, which has two levels. Else repo is NULL. Two repositories of a
 * namespace may then share a backup ("a/b" and "a-b"): who lists them must look (for a list in the
 * file it is a complaint). Fails: SP_E_USAGE: repo is no repository's name, or what comes
 * out is no place. */
SP_MUST_CHECK int sp_config_place_get(const struct sp_config_place *place, const char *repo,
                                      struct sp_place *out, struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_config, sp_config_free)

#endif
