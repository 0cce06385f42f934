/* SPDX-License-Identifier: Apache-2.0 */
/* Records from outside: what was read once is written and read again as the same. */
#include "journal/record.h"

#define NOW_S 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  SP_AUTO_RECORD struct sp_record again;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact second = {0};
  sp_record_init(&record);
  sp_record_init(&again);
  if (sp_record_decode(SP_SPAN((const char *)data, size), NOW_S, &record, &err) < 0)
    return 0;
  for (size_t i = 0; i < record.count; i++) {
    const struct sp_record_tag *tag = &record.tags[i];
    if (tag->since_s <= 0 || tag->since_s > NOW_S + SP_CLOCK_SKEW_S || tag->first_seen_s < 0 ||
        tag->named_since_s < 0 || (tag->named_since_s > 0 && !tag->is_gone) ||
        (tag->needs_read && tag->damaged_s <= 0) || sp_record_find(&record, tag->tag) != tag)
      abort();
  }
  for (size_t i = 0; i < record.left_count; i++) {
    const struct sp_record_left *left = &record.left[i];
    if (left->since_s <= 0 || left->left_s <= left->since_s ||
        left->left_s > NOW_S + SP_CLOCK_SKEW_S || (i > 0 && left->left_s < left[-1].left_s))
      abort();
  }
  if (record.left_count > SP_MAX_RECORD_LEFT)
    abort();
  for (size_t i = 0; i < record.rot_count; i++) {
    if (record.rot[i].seen_s <= 0 || record.rot[i].seen_s > NOW_S + SP_CLOCK_SKEW_S ||
        record.rot[i].digest.alg == SP_DIGEST_NONE)
      abort();
  }
  if (sp_record_encode(&record, &artifact, &err) < 0) {
    if (err.code != SP_E_LIMIT)
      abort();
    return 0;
  }
  if (sp_record_decode(sp_buf_span(&artifact.body), NOW_S, &again, &err) < 0 ||
      sp_record_is_news(&record, &again, 0) || sp_record_encode(&again, &second, &err) < 0 ||
      !sp_span_eq(sp_buf_span(&artifact.body), sp_buf_span(&second.body)))
    abort();
  return 0;
}
