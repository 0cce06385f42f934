/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction works in place: what replaces a value is never longer than the value. Two locks: one
 * for the values, one so that the sink sees one line at a time. */
#include "base/log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>

#include "base/guarded.h"
#include "base/scope.h"

#define MIN_SECRET_BYTES 4
#define MAX_SECRETS 64
/* The first values are the passwords of the configuration and stay; the other places go round, for
 * tokens that are fetched anew every few minutes. */
#define LASTING_SECRETS 16

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static sp_log_sink *the_sink;
static void *the_sink_ctx;
static atomic_int highest_level = -1;

static pthread_mutex_t secrets_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  char *bytes;
  size_t len;
} secrets[MAX_SECRETS];
static size_t secrets_seen; /* ever registered, without repetitions */

void sp_log_set_sink(sp_log_sink *sink, void *ctx, enum sp_log_level max_level)
{
  SP_LOCK_SCOPE(&sink_lock);
  the_sink = sink;
  the_sink_ctx = ctx;
  atomic_store(&highest_level, sink ? (int)max_level : -1);
}

bool sp_log_is_on(enum sp_log_level level)
{
  return (int)level <= atomic_load(&highest_level);
}

/* The whole line is made before it is redacted, and nothing is cut: half a secret would not be
 * recognised. */
void sp_log(enum sp_log_level level, const char *fmt, ...)
{
  if (!sp_log_is_on(level))
    return;
  va_list args;
  va_start(args, fmt);
  char *made;
  int n = vasprintf(&made, fmt, args);
  va_end(args);
  if (n < 0)
    return;
  SP_AUTO_FREE char *line = made;
  sp_log_redact(line);
  SP_LOCK_SCOPE(&sink_lock);
  if (the_sink)
    the_sink(the_sink_ctx, level, line);
}

static bool is_registered(struct sp_span secret)
{
  for (size_t i = 0; i < MAX_SECRETS; i++) {
    if (secrets[i].bytes && sp_span_eq(SP_SPAN(secrets[i].bytes, secrets[i].len), secret))
      return true;
  }
  return false;
}

void sp_log_add_secret(struct sp_span secret)
{
  if (secret.len < MIN_SECRET_BYTES)
    return;
  SP_LOCK_SCOPE(&secrets_lock);
  if (is_registered(secret))
    return;
  char *copy = sp_guarded_new(secret.len);
  if (!copy)
    return;
  memcpy(copy, secret.ptr, secret.len);
  size_t place = secrets_seen;
  if (place >= MAX_SECRETS)
    place = LASTING_SECRETS + (place - MAX_SECRETS) % (MAX_SECRETS - LASTING_SECRETS);
  sp_guarded_free(secrets[place].bytes, secrets[place].len);
  secrets[place].bytes = copy;
  secrets[place].len = secret.len;
  secrets_seen++;
}

/* Length of the longest registered value at the beginning of s; 0 if there is none. */
static size_t secret_at(struct sp_span s)
{
  size_t longest = 0;
  for (size_t i = 0; i < MAX_SECRETS; i++) {
    size_t n = secrets[i].len;
    if (n > longest && n <= s.len && memcmp(s.ptr, secrets[i].bytes, n) == 0)
      longest = n;
  }
  return longest;
}

static size_t put_stars(char *text, size_t out, size_t value_len)
{
  size_t n = value_len < 3 ? value_len : 3;
  memset(text + out, '*', n);
  return out + n;
}

/* Values that overlap are one run: else the end of the second would stay readable. */
static void redact_values(char *text)
{
  SP_LOCK_SCOPE(&secrets_lock);
  size_t len = strlen(text);
  size_t out = 0;
  size_t run = 0; /* bytes of the present run that lie behind i */
  size_t run_end = 0;
  for (size_t i = 0; i < len; i++) {
    size_t n = secret_at(SP_SPAN(text + i, len - i));
    if (n > 0 && i + n > run_end)
      run_end = i + n;
    if (i >= run_end) {
      text[out++] = text[i];
      continue;
    }
    run++;
    if (i + 1 < run_end)
      continue;
    /* The next byte may begin another value, then the runs touch and become two: no harm. */
    out = put_stars(text, out, run);
    run = 0;
  }
  text[out] = '\0';
}

enum value_end { TO_DELIMITER, TO_LINE_END };

struct pattern {
  const char *key;
  enum value_end end;
  bool is_scheme; /* an auth scheme: a blank must follow, and prose about it is left alone */
};

static const struct pattern patterns[] = {
    {"authorization:", TO_LINE_END, false},
    {"bearer", TO_DELIMITER, true},
    {"basic", TO_DELIMITER, true},
    {"x-amz-signature=", TO_DELIMITER, false},
    {"x-amz-credential=", TO_DELIMITER, false},
    {"x-amz-security-token=", TO_DELIMITER, false},
    {"token=", TO_DELIMITER, false},
    {"sig=", TO_DELIMITER, false},
    {"signature=", TO_DELIMITER, false},
    {"password=", TO_DELIMITER, false},
    {"secret=", TO_DELIMITER, false},
    {"_state=", TO_DELIMITER, false},
    {"token\":", TO_DELIMITER, false}, /* a token answer, as JSON */
    {"password\":", TO_DELIMITER, false},
};

/* Words that follow "basic" and "bearer" in prose and in challenges. */
static const char *const plain_words[] = {"auth",        "authentication", "authorization",
                                          "token",       "tokens",         "challenge",
                                          "credentials", "realm=",         "credential"};

static size_t line_len(const char *s)
{
  return strcspn(s, "\r\n");
}

static bool is_plain_word(const char *s, size_t len)
{
  for (size_t i = 0; i < sizeof plain_words / sizeof plain_words[0]; i++) {
    const char *word = plain_words[i];
    size_t n = strlen(word);
    bool whole = len == n || word[n - 1] == '=';
    if (whole && len >= n && strncasecmp(s, word, n) == 0)
      return true;
  }
  return false;
}

/* Finds the value behind the key that ends at s: its offset and length (0: nothing to hide). */
static void find_value(const struct pattern *p, const char *s, size_t *offset, size_t *len)
{
  *offset = strspn(s, " \t");
  *len = 0;
  if (p->is_scheme && *offset == 0)
    return;
  if (p->end == TO_LINE_END) {
    *len = line_len(s + *offset);
    return;
  }
  char quote = s[*offset];
  if (!p->is_scheme && (quote == '"' || quote == '\'')) {
    const char stop[] = {quote, '\r', '\n', '\0'};
    (*offset)++;
    *len = strcspn(s + *offset, stop);
    return;
  }
  if (p->key[strlen(p->key) - 1] == '=' && *offset > 0)
    return; /* "token= something else" */
  *len = strcspn(s + *offset, "& \t\r\n\"'");
  if (p->is_scheme && is_plain_word(s + *offset, *len))
    *len = 0;
}

static const struct pattern *pattern_at(const char *s)
{
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    if (strncasecmp(s, patterns[i].key, strlen(patterns[i].key)) == 0)
      return &patterns[i];
  }
  return NULL;
}

static void redact_patterns(char *text)
{
  size_t in = 0;
  size_t out = 0;
  while (text[in] != '\0') {
    const struct pattern *p = pattern_at(text + in);
    if (!p) {
      text[out++] = text[in++];
      continue;
    }
    size_t offset;
    size_t value_len;
    size_t key_len = strlen(p->key);
    find_value(p, text + in + key_len, &offset, &value_len);
    size_t keep = value_len > 0 ? key_len + offset : key_len;
    memmove(text + out, text + in, keep);
    out = put_stars(text, out + keep, value_len);
    in += keep + value_len;
  }
  text[out] = '\0';
}

void sp_log_redact(char *text)
{
  redact_values(text);
  redact_patterns(text);
}
