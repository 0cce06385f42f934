/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a push: source, destinations and tags, all checked before anything is opened or
 * sent.
 *
 * Two destinations that are the same repository become one that gets the tags of both. Not here:
 * what a source without a tag means where only the source can tell (push.c asks the layout).
 *
 * Life cycle: sp_names_init, sp_names_clear. Threads: none of its own.
 */
#ifndef SP_API_NAMES_H
#define SP_API_NAMES_H

#include "oci/place.h"
#include "safeport/job.h"

/* Tags of one destination, each once, in the order they were given. */
struct sp_target {
  struct sp_place place; /* without tag and digest */
  char **tags;           /* owned */
  size_t tag_count;
};

struct sp_names {
  struct sp_place source; /* with a tag or a digest, unless only it can tell its tag */
  struct sp_target *targets;
  size_t target_count;
};

/* Fills `names` from what was written. A source without tag and digest means `latest`, unless
 * only it can tell (sp_place_tells_tag). A destination without any tag (neither in its name nor in
 * options->tags) gets the source's; if the source has none, the destination stays without for
 * sp_names_default_tag. Fails: SP_E_USAGE   a name or tag that is none, a destination with a
 * digest, too many destinations, or a source by digest with a destination without a tag SP_E_NOMEM
 */
SP_MUST_CHECK int sp_names_init(struct sp_names *names, const struct sp_push_options *options,
                                struct sp_err *err);
void sp_names_clear(struct sp_names *names);
/* Is there a destination that has no tag yet? */
bool sp_names_lack_tag(const struct sp_names *names);
/* Gives `tag` to every destination that has none. Fails: SP_E_USAGE (not a tag), SP_E_NOMEM. */
SP_MUST_CHECK int sp_names_default_tag(struct sp_names *names, const char *tag, struct sp_err *err);

/* Parses the source of any job, filling in `latest` as above. Fails: SP_E_USAGE. */
SP_MUST_CHECK int sp_names_parse_source(const char *text, bool lower, struct sp_place *out,
                                        struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_names, sp_names_clear)
#define SP_AUTO_NAMES SP_CLEANUP(sp_names_clear_auto_)

#endif
