/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <string.h>

#define WORD_MAX 40 /* longer words are nothing like ours */

static size_t least(size_t a, size_t b, size_t c)
{
  size_t m = a < b ? a : b;
  return m < c ? m : c;
}

/* Optimal string alignment: insertions, deletions, changes and swaps of neighbours cost one. */
static size_t distance(const char *a, const char *b)
{
  size_t rows[3][WORD_MAX + 1];
  size_t a_len = strlen(a), b_len = strlen(b);
  for (size_t k = 0; k <= b_len; k++)
    rows[0][k] = k;
  for (size_t i = 1; i <= a_len; i++) {
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t k = 1; k <= b_len; k++) {
      row[k] = least(above[k] + 1, row[k - 1] + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
        row[k] = least(row[k], above2[k - 2] + 1, row[k]);
    }
  }
  return rows[a_len % 3][b_len];
}

const char *sp_nearest(const char *word, const char *const *names, size_t count)
{
  size_t len = strlen(word);
  if (len == 0 || len > WORD_MAX)
    return NULL;
  size_t best = len / 3 > 1 ? len / 3 : 1;
  if (best >= len)
    best = len - 1;
  const char *found = NULL;
  for (size_t i = 0; i < count; i++) {
    if (strlen(names[i]) > WORD_MAX)
      continue;
    size_t d = distance(word, names[i]);
    if (strncmp(names[i], word, len - 1) == 0) /* that costs as much as a change or two */
      d = least(d, strncmp(names[i], word, len) == 0 ? 1 : 2, d);
    if (d > best || (found && d == best))
      continue;
    best = d;
    found = names[i];
  }
  return found;
}
