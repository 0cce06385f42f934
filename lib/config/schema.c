/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <string.h>

#include "base/i18n.h"
#include "config/check.h"
#include "config/config.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define MINUTE 60
#define DAY 86400
#define YEAR (INT64_C(366) * DAY)

/* ENTRIES and lists are read and freed as {items, count}; entries begin with their key and place.
 */
#define CHECK_LIST(type, items, count) \
  _Static_assert(offsetof(type, count) == offsetof(type, items) + sizeof(void *), "a list")
CHECK_LIST(struct sp_config, images, image_count);
CHECK_LIST(struct sp_config, registries, registry_count);
_Static_assert(offsetof(struct sp_config_image, name) == 0, "the key comes first");
_Static_assert(offsetof(struct sp_config_registry, host) == 0, "the key comes first");
_Static_assert(offsetof(struct sp_config_image, at) == offsetof(struct sp_config_registry, at),
               "then its place");

/* -- images */

#define TAGS(member) offsetof(struct sp_selection, member)
static const struct sp_config_row tags_rows[] = {
    {.key = "include",
     .kind = SP_KIND_PATTERNS,
     .at = TAGS(include),
     .help = N_("tags to back up: names, glob:..., semver:..., git-sha; all tags if absent")},
    {.key = "exclude",
     .kind = SP_KIND_PATTERNS,
     .at = TAGS(exclude),
     .help = N_("tags to leave out, whatever includes them")},
    {.key = "newest",
     .kind = SP_KIND_INT,
     .at = TAGS(newest),
     .least = 1,
     .most = SP_MAX_TAGS,
     .help = N_("of those that a pattern brings in, only this many of the newest")},
    {.key = "since",
     .kind = SP_KIND_DURATION,
     .at = TAGS(since_s),
     .least = 1,
     .most = 100 * YEAR,
     .help = N_("of those that a pattern brings in, only what was first seen in this time")},
};
static const struct sp_config_table tags_table = {.rows = tags_rows, .row_count = COUNT(tags_rows)};

#define KEEP(member) offsetof(struct sp_config_keep, member)
#define KEEP_COUNT(name, member, text) \
  { \
    .key = name, .kind = SP_KIND_INT, .at = KEEP(member), .least = 1, .most = SP_MAX_TAGS, \
    .help = text \
  }
static const struct sp_config_row keep_rows[] = {
    {.key = "candidates",
     .kind = SP_KIND_PATTERNS,
     .at = KEEP(candidates),
     .is_required = true,
     .help = N_("tags that may ever be pruned; nothing else is")},
    {.key = "always",
     .kind = SP_KIND_PATTERNS,
     .at = KEEP(always),
     .help = N_("tags that are kept in any case")},
    KEEP_COUNT("last", last, N_("keep this many of the newest")),
    {.key = "within",
     .kind = SP_KIND_DURATION,
     .at = KEEP(within_s),
     .least = 1,
     .most = 100 * YEAR,
     .help = N_("keep what was first seen in this time")},
    KEEP_COUNT("daily", daily, N_("keep one of each of the last days that have one")),
    KEEP_COUNT("weekly", weekly, N_("keep one of each of the last weeks that have one")),
    KEEP_COUNT("monthly", monthly, N_("keep one of each of the last months that have one")),
    {.key = "min-copies",
     .kind = SP_KIND_INT,
     .at = KEEP(min_copies),
     .fallback = "1",
     .least = 1,
     .most = SP_MAX_DESTINATIONS,
     .help = N_("other places that must hold an image, proven, before it is pruned")},
    {.key = "max-delete",
     .kind = SP_KIND_PERCENT,
     .at = KEEP(max_delete_percent),
     .most = 100,
     .fallback = "20%",
     .help = N_("the largest share of a repository that one run may prune")},
    {.key = "max-delete-count",
     .kind = SP_KIND_INT,
     .at = KEEP(max_delete_count),
     .fallback = "100",
     .least = 1,
     .most = SP_MAX_TAGS,
     .help = N_("the most images of a repository that one run may prune")},
    {.key = "grace",
     .kind = SP_KIND_DURATION,
     .at = KEEP(grace_s),
     .fallback = "24h",
     .most = YEAR,
     .help = N_("what is marked now is pruned not before this time has passed")},
};
static const struct sp_config_table keep_table = {
    .rows = keep_rows, .row_count = COUNT(keep_rows), .check = sp_check_keep};

#define IMAGE(member) offsetof(struct sp_config_image, member)
static const struct sp_config_row shared_rows[] = {
    {.key = "tags",
     .kind = SP_KIND_MAP,
     .at = IMAGE(tags),
     .table = &tags_table,
     .help = N_("which tags are backed up; all if absent")},
    {.key = "keep",
     .kind = SP_KIND_MAP,
     .at = IMAGE(keep),
     .given_at = IMAGE(keep.is_given),
     .table = &keep_table,
     .help = N_("what prune keeps; nothing is pruned if absent")},
    {.key = "referrers",
     .kind = SP_KIND_BOOL,
     .at = IMAGE(referrers),
     .fallback = "true",
     .help = N_("signatures, attestations and other referrers follow their image")},
    {.key = "referrers-every",
     .kind = SP_KIND_DURATION,
     .at = IMAGE(referrers_every_s),
     .fallback = "1d",
     .most = YEAR,
     .help = N_("how often a registry is asked for new referrers of an image it has shown")},
    {.key = "keep-history",
     .kind = SP_KIND_INT,
     .at = IMAGE(keep_history),
     .fallback = "5",
     .most = 1000,
     .help = N_("digests that a moving tag left, kept on a backup under history tags")},
    {.key = "fixed",
     .kind = SP_KIND_PATTERNS,
     .at = IMAGE(fixed),
     .given_at = IMAGE(has_fixed),
     .help = N_("tags that never change: git shas and versions with three numbers if absent")},
    {.key = "required",
     .kind = SP_KIND_BOOL,
     .at = IMAGE(required),
     .fallback = "true",
     .help = N_("status fails where this image is out of step")},
};
static const struct sp_config_table defaults_table = {
    .rows = shared_rows, .row_count = COUNT(shared_rows), .size = sizeof(struct sp_config_image)};

static const struct sp_config_row image_rows[] = {
    {.key = "primary",
     .kind = SP_KIND_PLACE,
     .at = IMAGE(primary),
     .is_required = true,
     .help = N_("where the image is published: a registry's repository, vault:NAME, oci:DIR, or "
                "a namespace (HOST/PATH/*)")},
    {.key = "backups",
     .kind = SP_KIND_PLACES,
     .at = IMAGE(backups),
     .is_required = true,
     .least = 1,
     .most = SP_MAX_DESTINATIONS,
     .help = N_("where copies are kept; for a namespace with {repo} in place of the repository")},
    {.key = "repositories",
     .kind = SP_KIND_REPOSITORIES,
     .at = IMAGE(repositories),
     .help = N_("the repositories of a namespace; the registry's list if absent")},
};
static const struct sp_config_table image_table = {
    .rows = image_rows,
    .row_count = COUNT(image_rows),
    .shared = &defaults_table,
    .size = sizeof(struct sp_config_image),
    .check_name = sp_check_image_name,
    .name_form = N_("a name of letters, digits, '_', '.' and '-'"),
    .check = sp_check_image,
};

/* -- registries */

#define TOKEN(member) offsetof(struct sp_config_token, member)
static const struct sp_config_row token_rows[] = {
    {.key = "created",
     .kind = SP_KIND_DATE,
     .at = TOKEN(created_s),
     .is_required = true,
     .help = N_("the day on which the password or token was made")},
    {.key = "rotate-after",
     .kind = SP_KIND_DURATION,
     .at = TOKEN(rotate_after_s),
     .is_required = true,
     .least = DAY,
     .most = 100 * YEAR,
     .help = N_("the age at which doctor asks for a new one")},
};
static const struct sp_config_table token_table = {.rows = token_rows,
                                                   .row_count = COUNT(token_rows)};

#define REGISTRY(member) offsetof(struct sp_config_registry, member)
static const struct sp_config_row registry_rows[] = {
    {.key = "username",
     .kind = SP_KIND_TEXT,
     .at = REGISTRY(username),
     .help = N_("the user, or $VARIABLE")},
    {.key = "password",
     .kind = SP_KIND_SECRET,
     .at = REGISTRY(password),
     .help = N_("the password or token, best as $VARIABLE")},
    {.key = "ca",
     .kind = SP_KIND_PATH,
     .at = REGISTRY(ca),
     .help = N_("trust the certificates of this PEM file in place of the system's")},
    {.key = "insecure",
     .kind = SP_KIND_BOOL,
     .at = REGISTRY(insecure),
     .fallback = "false",
     .help = N_("speak plain http with it")},
    {.key = "token-hosts",
     .kind = SP_KIND_HOSTS,
     .at = REGISTRY(token_hosts),
     .help = N_("hosts that may see the credentials when they ask for a token")},
    {.key = "upload-hosts",
     .kind = SP_KIND_HOSTS,
     .at = REGISTRY(upload_hosts),
     .help = N_("hosts on which the registry may take uploads")},
    {.key = "chunked",
     .kind = SP_KIND_SIZE,
     .at = REGISTRY(chunked_bytes),
     .least = 64 * SP_KIB,
     .most = INT64_C(1) << 30,
     .help = N_("upload in chunks of this size; whole if absent")},
    {.key = "pull-reserve",
     .kind = SP_KIND_PERCENT,
     .at = REGISTRY(pull_reserve_percent),
     .most = 99,
     .fallback = "20%",
     .help = N_("the share of the registry's pull limit that is left alone")},
    {.key = "token",
     .kind = SP_KIND_MAP,
     .at = REGISTRY(token),
     .table = &token_table,
     .help = N_("when the token was made, and when it should be renewed")},
};
static const struct sp_config_table registry_table = {
    .rows = registry_rows,
    .row_count = COUNT(registry_rows),
    .size = sizeof(struct sp_config_registry),
    .check_name = sp_check_registry_name,
    .name_form = N_("a host, or host:port"),
    .check = sp_check_registry,
};

/* -- the top */

#define SCHEDULE(member) offsetof(struct sp_config_schedule, member)
static const struct sp_config_row verify_read_rows[] = {
    {.key = "every",
     .kind = SP_KIND_DURATION,
     .at = SCHEDULE(verify_read.every_s),
     .fallback = "1d",
     .least = MINUTE,
     .most = YEAR,
     .help = N_("how often a sample is read")},
    {.key = "percent",
     .kind = SP_KIND_PERCENT,
     .at = SCHEDULE(verify_read.percent),
     .most = 100,
     .fallback = "5",
     .help = N_("how large the sample is")},
};
static const struct sp_config_table verify_read_table = {.rows = verify_read_rows,
                                                         .row_count = COUNT(verify_read_rows)};

#define EVERY(name, member, often, text) \
  { \
    .key = name, .kind = SP_KIND_DURATION, .at = SCHEDULE(member), .fallback = often, \
    .least = MINUTE, .most = YEAR, .help = text \
  }
static const struct sp_config_row schedule_rows[] = {
    EVERY("sync", sync_s, "15m", N_("how often serve brings the backups up to date")),
    EVERY("verify", verify_s, "7d", N_("how often it proves that they are whole")),
    {.key = "verify-read",
     .kind = SP_KIND_MAP,
     .table = &verify_read_table,
     .help = N_("how often, and how much of them, it reads to the last byte")},
    EVERY("doctor", doctor_s, "30d", N_("how often it looks after tokens and limits")),
};
static const struct sp_config_table schedule_table = {.rows = schedule_rows,
                                                      .row_count = COUNT(schedule_rows)};

#define ROOT(member) offsetof(struct sp_config, member)
static const struct sp_config_row notify_rows[] = {
    {.key = "webhook",
     .kind = SP_KIND_SECRET,
     .at = ROOT(notify.webhook),
     .help = N_("an URL that is told of alarms, best as $VARIABLE")},
};
static const struct sp_config_table notify_table = {.rows = notify_rows,
                                                    .row_count = COUNT(notify_rows)};

/* `defaults` comes before `images`: images are read with it. */
static const struct sp_config_row root_rows[] = {
    {.key = "version",
     .kind = SP_KIND_INT,
     .at = ROOT(version),
     .is_required = true,
     .least = 1,
     .most = 1,
     .help = N_("of this form of the file: 1")},
    {.key = "defaults",
     .kind = SP_KIND_DEFAULTS,
     .table = &defaults_table,
     .help = N_("what holds for every image that says nothing else")},
    {.key = "images",
     .kind = SP_KIND_ENTRIES,
     .at = ROOT(images),
     .most = SP_MAX_IMAGES,
     .table = &image_table,
     .help = N_("the images, each under a name of your choice")},
    {.key = "registries",
     .kind = SP_KIND_ENTRIES,
     .at = ROOT(registries),
     .most = SP_MAX_IMAGES,
     .table = &registry_table,
     .help = N_("what there is to say about registries, each under its host")},
    {.key = "schedule",
     .kind = SP_KIND_MAP,
     .at = ROOT(schedule),
     .given_at = ROOT(schedule.is_given),
     .table = &schedule_table,
     .help = N_("when serve does what")},
    {.key = "notify",
     .kind = SP_KIND_MAP,
     .given_at = ROOT(notify.is_given),
     .table = &notify_table,
     .help = N_("who is told of alarms")},
    {.key = "record",
     .kind = SP_KIND_BOOL,
     .at = ROOT(record),
     .fallback = "true",
     .help = N_("write what is known about tags to each backup, as tag safeport-record")},
    {.key = "state",
     .kind = SP_KIND_PATH,
     .at = ROOT(state),
     .help = N_("directory of the journal, in place of $XDG_STATE_HOME/safeport")},
    {.key = "vault",
     .kind = SP_KIND_PATH,
     .at = ROOT(vault),
     .help = N_("directory of the vault, in place of $XDG_DATA_HOME/safeport/vault")},
    {.key = "max-proof-age",
     .kind = SP_KIND_DURATION,
     .at = ROOT(max_proof_age_s),
     .fallback = "7d",
     .most = YEAR,
     .help = N_("an older proof is not believed: what it proved is looked at again")},
    {.key = "max-loss",
     .kind = SP_KIND_PERCENT,
     .at = ROOT(max_loss_percent),
     .most = 100,
     .fallback = "20%",
     .help = N_("a primary that lost a larger share of its tags is an alarm (exit status 6)")},
    {.key = "jobs",
     .kind = SP_KIND_INT,
     .at = ROOT(jobs),
     .fallback = "16",
     .least = 1,
     .most = SP_MAX_WORKERS,
     .help = N_("images at work at once")},
};
const struct sp_config_table sp_config_schema = {.rows = root_rows,
                                                 .row_count = COUNT(root_rows),
                                                 .size = sizeof(struct sp_config),
                                                 .check = sp_check_root};

size_t sp_config_row_count(const struct sp_config_table *table)
{
  return table->row_count + (table->shared ? table->shared->row_count : 0);
}

const struct sp_config_row *sp_config_row(const struct sp_config_table *table, size_t i)
{
  return i < table->row_count ? &table->rows[i] : &table->shared->rows[i - table->row_count];
}

bool sp_config_row_is_shared(const struct sp_config_table *table, const struct sp_config_row *row)
{
  return table->shared && row >= table->shared->rows &&
         row < table->shared->rows + table->shared->row_count;
}
