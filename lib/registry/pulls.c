/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/pulls.h"

#include "base/clock.h"
#include "base/scope.h"
#include "base/text.h"

#define WINDOW_MAX_S 1000000000000 /* what is longer is no time */

void sp_pulls_init(struct sp_pulls *pulls)
{
  *pulls = (struct sp_pulls){0};
  pthread_mutex_init(&pulls->lock, NULL);
}

void sp_pulls_clear(struct sp_pulls *pulls)
{
  pthread_mutex_destroy(&pulls->lock);
}

/* "N" or "N;w=SECONDS" (blanks around the semicolon allowed). */
static bool parse(const char *value, uint64_t *count, uint64_t *window_s)
{
  if (!value)
    return false;
  size_t n = strcspn(value, "; ");
  if (sp_text_parse_u64(SP_SPAN(value, n), count) < 0)
    return false;
  const char *rest = value + n + strspn(value + n, "; ");
  *window_s = 0;
  if (strncmp(rest, "w=", 2) != 0)
    return *rest == '\0';
  return sp_text_parse_u64(sp_span_str(rest + 2), window_s) == 0;
}

static bool read_said(const struct sp_headers *headers, uint64_t *limit, uint64_t *remaining,
                      uint64_t *window_s)
{
  uint64_t same_window_s;
  return parse(sp_headers_get(headers, "ratelimit-limit"), limit, window_s) &&
         parse(sp_headers_get(headers, "ratelimit-remaining"), remaining, &same_window_s) &&
         *window_s <= WINDOW_MAX_S;
}

int64_t sp_pulls_spent_ms(const struct sp_headers *headers)
{
  uint64_t limit, remaining, window_s;
  if (!read_said(headers, &limit, &remaining, &window_s) || remaining > 0 || window_s == 0)
    return -1;
  return (int64_t)window_s * 1000;
}

void sp_pulls_note(struct sp_pulls *pulls, const struct sp_headers *headers)
{
  uint64_t limit, remaining, window_s;
  if (!read_said(headers, &limit, &remaining, &window_s))
    return;
  SP_LOCK_SCOPE(&pulls->lock);
  pulls->is_known = true;
  pulls->limit = limit;
  pulls->remaining = remaining;
  pulls->window_s = window_s;
  pulls->said_ms = sp_clock_mono_ms();
}

bool sp_pulls_get(struct sp_pulls *pulls, uint64_t *limit, uint64_t *remaining, uint64_t *window_s)
{
  SP_LOCK_SCOPE(&pulls->lock);
  if (!pulls->is_known)
    return false;
  bool has_passed =
      pulls->window_s > 0 && sp_clock_mono_ms() - pulls->said_ms >= (int64_t)pulls->window_s * 1000;
  *limit = pulls->limit;
  *remaining = has_passed ? pulls->limit : pulls->remaining;
  *window_s = pulls->window_s;
  return true;
}
