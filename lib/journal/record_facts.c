/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/record_facts.h"

#include "base/text.h"

/* A tag that is gone was there before, though not since when. */
static int tell_tag(const struct sp_record_tag *tag, const char *primary,
                    struct sp_journal *journal, struct sp_err *err)
{
  int64_t there_s = tag->since_s;
  if (tag->is_gone)
    there_s = tag->first_seen_s && tag->first_seen_s < tag->since_s ? tag->first_seen_s
                                                                    : tag->since_s - 1;
  if (sp_known_tell_tag(journal, primary, tag->tag, &tag->digest, there_s, err) < 0)
    return -1;
  return tag->is_gone ? sp_known_tell_tag(journal, primary, tag->tag, NULL, tag->since_s, err) : 0;
}

int sp_record_tell(const struct sp_record *record, const char *backup, struct sp_journal *journal,
                   struct sp_err *err)
{
  const char *primary = sp_record_primary(record);
  for (size_t i = 0; i < record->count; i++) {
    const struct sp_record_tag *tag = &record->tags[i];
    const struct sp_known_digest at_primary = {.digest = tag->digest,
                                               .first_seen_s = tag->first_seen_s};
    const struct sp_known_digest at_backup = sp_record_copy(tag);
    if (tell_tag(tag, primary, journal, err) < 0 ||
        sp_known_tell_digest(journal, primary, &at_primary, err) < 0 ||
        sp_known_tell_digest(journal, backup, &at_backup, err) < 0)
      return -1;
  }
  return 0;
}

static int add_tag(struct sp_record *record, const struct sp_known_tag *known,
                   const struct sp_known *primary, const struct sp_known *backup,
                   struct sp_err *err)
{
  const struct sp_known_digest *there = sp_known_find_digest(primary, &known->digest);
  const struct sp_known_digest *copy = sp_known_find_digest(backup, &known->digest);
  struct sp_record_tag tag = {.digest = known->digest,
                              .since_s = known->since_s,
                              .is_gone = known->is_gone,
                              .first_seen_s = there ? there->first_seen_s : 0};
  if (copy)
    sp_record_set_copy(&tag, copy);
  if (sp_text_copy(tag.tag, sizeof tag.tag, sp_span_str(known->tag), err) < 0)
    return -1;
  return sp_record_merge_tag(record, &tag, err);
}

int sp_record_add_known(struct sp_record *record, const struct sp_known *primary,
                        const struct sp_known *backup, struct sp_err *err)
{
  for (size_t i = 0; i < primary->tag_count; i++) {
    if (add_tag(record, &primary->tags[i], primary, backup, err) < 0)
      return -1;
  }
  return 0;
}
