/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/record_facts.h"

/* It was there before: since it began to name its digest, or at least until it went. That the
 * digest was seen earlier says nothing of the tag: another may have named it. And where nobody
 * knows since when it was there, nobody knows either that this was another time than one that came
 * later.
 */
int sp_record_tell_gone(const struct sp_record_tag *tag, const char *place,
                        struct sp_journal *journal, struct sp_err *err)
{
  bool is_known = tag->named_since_s > 0 && tag->named_since_s < tag->since_s;
  int64_t there_s = is_known ? tag->named_since_s : tag->since_s - 1;
  int64_t until_s = is_known ? tag->since_s : INT64_MAX;
  if (sp_known_tell_stay(journal, place, tag->tag, &tag->digest, there_s, until_s, err) < 0 ||
      sp_known_tell_stay(journal, place, tag->tag, NULL, tag->since_s, INT64_MAX, err) < 0)
    return -1;
  return tag->is_meant ? sp_known_tell_meant(journal, place, tag->tag, tag->since_s, err) : 0;
}

/* Whose end a run saw is what the record says tags left; that is not told here. */
static int tell_name(const struct sp_record_tag *tag, const char *primary,
                     struct sp_journal *journal, struct sp_err *err)
{
  return tag->is_gone ? sp_record_tell_gone(tag, primary, journal, err)
                      : sp_known_tell_stay(journal, primary, tag->tag, &tag->digest, tag->since_s,
                                           INT64_MAX, err);
}

bool sp_record_says_of_copy(const struct sp_known_digest *copy)
{
  return copy->touched_s || copy->read_s || copy->damaged_s;
}

static bool is_new(const struct sp_record_tag *tag, const struct sp_known *known)
{
  const struct sp_known_tag *old = known ? sp_known_find_tag(known, tag->tag) : NULL;
  return !old || old->since_s < tag->since_s;
}

static int tell_tag(const struct sp_record_tag *tag, bool is_new, const char *primary,
                    const char *backup, struct sp_journal *journal, struct sp_err *err)
{
  const struct sp_known_digest seen = {.digest = tag->digest, .first_seen_s = tag->first_seen_s};
  const struct sp_known_digest copy = sp_record_copy(tag);
  if (sp_known_tell_digest(journal, primary, &seen, err) < 0 ||
      (is_new && tell_name(tag, primary, journal, err) < 0))
    return -1;
  return sp_record_says_of_copy(&copy) ? sp_known_tell_digest(journal, backup, &copy, err) : 0;
}

int sp_record_tell(const struct sp_record *record, const struct sp_known *known, const char *backup,
                   struct sp_journal *journal, struct sp_err *err)
{
  const char *primary = sp_record_primary(record);
  for (size_t i = 0; i < record->count; i++) {
    const struct sp_record_tag *tag = &record->tags[i];
    if (tell_tag(tag, is_new(tag, known), primary, backup, journal, err) < 0)
      return -1;
  }
  return 0;
}
