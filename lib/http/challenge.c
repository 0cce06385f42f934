/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the value. A word is a scheme if no '=' follows it, else a parameter of the scheme
 * before it. A challenge counts when the next one begins or the value ends; what cannot be read
 * ends the value and spoils the challenge that it stands in. */
#include "http/challenge.h"

#include <ctype.h>
#include <strings.h>

/* What is left to read. */
struct scan {
  const char *at, *end;
};

static bool is_word_char(char c)
{
  return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
    s->at++;
}

static void skip_separators(struct scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == ','))
    s->at++;
}

static struct sp_span read_word(struct scan *s)
{
  const char *start = s->at;
  while (s->at < s->end && is_word_char(*s->at))
    s->at++;
  return SP_SPAN(start, (size_t)(s->at - start));
}

/* A value into out; false if it cannot be read, is too long or holds control characters. */
static bool read_quoted(struct scan *s, char *out, size_t size)
{
  size_t n = 0;
  bool good = true;
  for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
    if (*s->at == '\\' && ++s->at == s->end)
      return false;
    good = good && (unsigned char)*s->at >= ' ' && *s->at != 0x7F && n + 1 < size;
    if (good)
      out[n++] = *s->at;
  }
  out[n] = '\0';
  if (s->at == s->end)
    return false;
  s->at++;
  return good;
}

/* Unquoted values are tokens by the book; URLs are seen as well. */
static bool read_bare(struct scan *s, char *out, size_t size)
{
  size_t n = 0;
  bool good = true;
  for (; s->at < s->end && *s->at != ',' && *s->at != ' ' && *s->at != '\t'; s->at++) {
    good = good && (unsigned char)*s->at > ' ' && *s->at != 0x7F && *s->at != '"' && n + 1 < size;
    if (good)
      out[n++] = *s->at;
  }
  out[n] = '\0';
  return good && n > 0;
}

static bool read_value(struct scan *s, char *out, size_t size)
{
  if (s->at < s->end && *s->at == '"')
    return read_quoted(s, out, size);
  return read_bare(s, out, size);
}

/* A token68 ("Negotiate YII=="): passed over. */
static void skip_token68(struct scan *s)
{
  struct scan t = *s;
  while (t.at < t.end && (isalnum((unsigned char)*t.at) || (*t.at && strchr("-._~+/", *t.at))))
    t.at++;
  while (t.at < t.end && *t.at == '=')
    t.at++;
  skip_blanks(&t);
  if (t.at == t.end || *t.at == ',')
    *s = t;
}

static bool is_word(struct sp_span word, const char *name)
{
  return word.len == strlen(name) && strncasecmp(word.ptr, name, word.len) == 0;
}

static enum sp_challenge_scheme scheme_of(struct sp_span word)
{
  if (is_word(word, "bearer"))
    return SP_CHALLENGE_BEARER;
  return is_word(word, "basic") ? SP_CHALLENGE_BASIC : SP_CHALLENGE_NONE;
}

/* Reads "=value" of parameter `name`. Two different values of one parameter contradict each other.
 */
static bool read_param(struct scan *s, struct sp_span name, struct sp_challenge *into)
{
  char value[SP_CHALLENGE_PARAM_MAX];
  s->at++;
  skip_blanks(s);
  if (!read_value(s, value, sizeof value))
    return false;
  const struct {
    const char *name;
    char *out;
    size_t size;
  } known[] = {{"realm", into->realm, sizeof into->realm},
               {"service", into->service, sizeof into->service},
               {"scope", into->scope, sizeof into->scope},
               {"error", into->error, sizeof into->error}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (!is_word(name, known[i].name))
      continue;
    if (strlen(value) >= known[i].size || (known[i].out[0] && strcmp(known[i].out, value) != 0))
      return false;
    memcpy(known[i].out, value, strlen(value) + 1);
  }
  return true;
}

static void keep_better(struct sp_challenge *best, const struct sp_challenge *now, bool good)
{
  if (good && now->scheme > best->scheme)
    *best = *now;
}

void sp_challenge_parse(struct sp_span header_value, struct sp_challenge *out)
{
  struct scan s = {header_value.ptr, header_value.ptr + header_value.len};
  struct sp_challenge now = {0};
  bool good = true;
  *out = (struct sp_challenge){0};
  for (skip_separators(&s); s.at < s.end; skip_separators(&s)) {
    struct sp_span word = read_word(&s);
    if (word.len == 0)
      return; /* unreadable: what stands here is spoiled */
    bool blank = s.at < s.end && (*s.at == ' ' || *s.at == '\t');
    skip_blanks(&s);
    if (s.at < s.end && *s.at == '=') {
      const char *before = s.at;
      good = read_param(&s, word, &now) && good;
      if (s.at == before + 1 || (s.at < s.end && !strchr(", \t", *s.at)))
        return;
      continue;
    }
    keep_better(out, &now, good);
    now = (struct sp_challenge){.scheme = scheme_of(word)};
    good = true;
    if (blank && now.scheme == SP_CHALLENGE_NONE)
      skip_token68(&s);
  }
  keep_better(out, &now, good);
}

void sp_challenge_of(const struct sp_headers *headers, struct sp_challenge *out)
{
  struct sp_challenge one;
  *out = (struct sp_challenge){0};
  for (size_t n = 0;; n++) {
    const char *value = sp_headers_get_nth(headers, "WWW-Authenticate", n);
    if (!value)
      return;
    sp_challenge_parse(sp_span_str(value), &one);
    keep_better(out, &one, true);
  }
}
