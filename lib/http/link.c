/* SPDX-License-Identifier: Apache-2.0 */
#include "http/link.h"

#include <strings.h>

struct scan {
  const char *at, *end;
};

static void skip_any(struct scan *s, const char *set)
{
  while (s->at < s->end && *s->at && strchr(set, *s->at))
    s->at++;
}

static struct sp_span read_until(struct scan *s, const char *stops)
{
  const char *start = s->at;
  while (s->at < s->end && !(*s->at && strchr(stops, *s->at)))
    s->at++;
  return SP_SPAN(start, (size_t)(s->at - start));
}

/* A parameter's value; a quoted one without its quotes (escapes do not occur in relations). */
static struct sp_span read_value(struct scan *s)
{
  if (s->at == s->end || *s->at != '"')
    return read_until(s, ";, \t");
  const char *start = ++s->at;
  while (s->at < s->end && *s->at != '"')
    s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
  struct sp_span value = SP_SPAN(start, (size_t)(s->at - start));
  if (s->at < s->end)
    s->at++;
  return value;
}

static bool holds_next(struct sp_span rels)
{
  struct scan s = {rels.ptr, rels.ptr + rels.len};
  for (skip_any(&s, " \t"); s.at < s.end; skip_any(&s, " \t")) {
    struct sp_span rel = read_until(&s, " \t");
    if (rel.len == 4 && strncasecmp(rel.ptr, "next", 4) == 0)
      return true;
  }
  return false;
}

/* Reads the parameters of one link; true if its (first) rel holds "next". */
static bool read_params(struct scan *s)
{
  bool seen = false;
  bool next = false;
  for (skip_any(s, " \t"); s->at < s->end && *s->at == ';'; skip_any(s, " \t")) {
    s->at++;
    skip_any(s, " \t");
    struct sp_span name = read_until(s, "=;, \t");
    skip_any(s, " \t");
    if (s->at == s->end || *s->at != '=')
      continue;
    s->at++;
    skip_any(s, " \t");
    struct sp_span value = read_value(s);
    if (name.len == 3 && strncasecmp(name.ptr, "rel", 3) == 0 && !seen) {
      seen = true;
      next = holds_next(value);
    }
  }
  return next;
}

struct sp_span sp_link_next(struct sp_span header_value)
{
  struct scan s = {header_value.ptr, header_value.ptr + header_value.len};
  for (skip_any(&s, ", \t"); s.at < s.end && *s.at == '<'; skip_any(&s, ", \t")) {
    s.at++;
    struct sp_span target = read_until(&s, ">");
    if (s.at == s.end)
      break;
    s.at++;
    if (read_params(&s))
      return target;
  }
  return SP_SPAN(NULL, 0);
}
