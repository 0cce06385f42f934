/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tag_kind.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "oci/reference.h"

#define HISTORY_PREFIX "safeport-"
#define STAMP_LEN 17 /* "-20261123T101500Z" */
#define SECONDS_OF_YEAR_10000 INT64_C(253402300800)

bool sp_tag_is_fixed(const struct sp_pattern_list *declared, const char *tag)
{
  if (declared)
    return sp_pattern_list_matches(declared, tag);
  return sp_ref_tag_rank(tag) == 0 && !sp_tag_is_special(tag);
}

bool sp_tag_is_special(const char *tag)
{
  return strcmp(tag, SP_RECORD_TAG) == 0 || sp_ref_is_digest_tag(sp_span_str(tag)) ||
         sp_history_tag_parse(tag, NULL, NULL);
}

void sp_history_tag_format(const char *tag, int64_t unix_s, char out[SP_MAX_TAG + 1])
{
  time_t t = unix_s < 0 || unix_s >= SECONDS_OF_YEAR_10000 ? 0 : (time_t)unix_s;
  struct tm utc = {0};
  gmtime_r(&t, &utc);
  char stamp[STAMP_LEN + 1];
  strftime(stamp, sizeof stamp, "-%Y%m%dT%H%M%SZ", &utc);
  snprintf(out, SP_MAX_TAG + 1, "%s%.*s%s", HISTORY_PREFIX, SP_HISTORY_BASE_MAX, tag, stamp);
}

/* "-YYYYMMDDTHHMMSSZ" of a real time: what is read is written again and must be the same. */
static bool parse_stamp(struct sp_span stamp, int64_t *unix_s)
{
  static const char form[] = "-dddddddd"
                             "Tdddddd"
                             "Z";
  char text[SP_RFC3339_MAX];
  for (size_t i = 0; i < STAMP_LEN; i++) {
    char c = stamp.ptr[i];
    if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
      return false;
  }
  const char *s = stamp.ptr + 1;
  snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s, s + 4, s + 6, s + 9, s + 11,
           s + 13);
  return sp_clock_parse_rfc3339(text, unix_s) == 0;
}

bool sp_history_tag_parse(const char *history, struct sp_span *base, int64_t *unix_s)
{
  struct sp_span rest = sp_span_str(history);
  const size_t prefix_len = sizeof HISTORY_PREFIX - 1;
  if (!sp_span_has_prefix(rest, HISTORY_PREFIX) || rest.len <= prefix_len + STAMP_LEN)
    return false;
  rest = sp_span_skip(rest, prefix_len);
  struct sp_span name = SP_SPAN(rest.ptr, rest.len - STAMP_LEN);
  int64_t time_s;
  if (!sp_ref_is_tag(name) || !parse_stamp(sp_span_skip(rest, name.len), &time_s))
    return false;
  if (base)
    *base = name;
  if (unix_s)
    *unix_s = time_s;
  return true;
}
